package zhixing.core

import java.security.KeyPair
import java.security.KeyPairGenerator
import java.security.Signature
import java.security.spec.ECGenParameterSpec
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.atomic.AtomicInteger
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue

/** Keys of the Java platform, as the Android Keystore gives them: the private half is never seen by the core. */
class MemoryKeys : KeyStore {
    val secrets = ConcurrentHashMap<String, ByteArray>()
    val signatures = AtomicInteger()
    private var pair: KeyPair? = null

    /** Whether the person has unlocked. */
    @Volatile var present = true

    /** Signs other bytes than it is given. */
    @Volatile var wrong = false

    override fun secret(name: String): ByteArray? {
        if (name == "reading" && !present) throw CoreException.Locked("the person is not there")
        return secrets[name]
    }

    override fun putSecret(name: String, secret: ByteArray) {
        secrets[name] = secret
    }

    override fun signingKey(): ByteArray? = pair?.public?.encoded

    override fun makeSigningKey(): ByteArray {
        val generator = KeyPairGenerator.getInstance("EC").apply { initialize(ECGenParameterSpec("secp256r1")) }
        return generator.generateKeyPair().also { pair = it }.public.encoded
    }

    override fun sign(publicKey: ByteArray, bytes: ByteArray): ByteArray {
        check(publicKey.contentEquals(signingKey()))
        signatures.incrementAndGet()
        return Signature.getInstance("SHA256withECDSA").run {
            initSign(pair!!.private)
            update(if (wrong) bytes + 1 else bytes)
            sign()
        }
    }

    override fun storage() = KeyStorage.TEE
}

/** A clock that stands an hour in the future, or breaks. */
class ShiftedClock : DeviceClock {
    @Volatile var broken = false

    override fun wallMs(): Long = if (broken) error("no clock") else System.currentTimeMillis() + 3_600_000

    override fun elapsedMs(): Long = if (broken) error("no clock") else System.nanoTime() / 1_000_000

    override fun boot() = if (broken) error("no clock") else "boot of the test"
}

class KeyStoreTest {
    @Test
    fun `statements signed by the shell's key are admitted, high S and low S alike`() {
        val keys = MemoryKeys()
        enrolled(keys = keys) { engine ->
            val case = engine.cases()[0].caseId
            repeat(20) { engine.note(case, "第${it}次", null, null) }
            engine.sync()
            val status = engine.status()
            // Of twenty random signatures at least one has a high S, but for one run in a million.
            assertEquals(0uL to 0uL, status.pendingStatements to status.troubledStatements)
            assertTrue(keys.signatures.get() >= 20)
            assertEquals(setOf("transfer", "reading"), keys.secrets.keys)
            assertTrue(keys.secrets.values.all { it.size == 32 })
        }
    }

    @Test
    fun `without the person case files stay closed and evidence goes out`() {
        val keys = MemoryKeys()
        DeviceFolder().use { folder ->
            folder.open(keys).use { engine ->
                engine.enrol(Court.shared.ticket(), "test")
                engine.sync(2_000u)
            }
            keys.present = false
            folder.open(keys).use { engine ->
                assertFailsWith<CoreException.Locked> { engine.unlock() }
                assertFailsWith<CoreException.Locked> { engine.cases() }
                engine.capture(ByteArray(5_000) { 1 }, CaptureRequest(MediaKind.AUDIO))
                assertEquals(1uL, engine.syncUntilHeld().heldItems)
                keys.present = true
                engine.unlock()
                assertEquals(3, engine.cases().size)
            }
        }
    }

    @Test
    fun `a signature that does not fit never enters the chain`() {
        val keys = MemoryKeys()
        enrolled(keys = keys) { engine ->
            val case = engine.cases()[0].caseId
            keys.wrong = true
            assertFailsWith<CoreException.Damaged> { engine.note(case, "falsch", null, null) }
            assertEquals(0uL, engine.status().pendingStatements)
            keys.wrong = false
            engine.note(case, "对", null, null)
            engine.sync()
            engine.sync()
            assertEquals(0uL, engine.status().troubledStatements)
            assertEquals("对", engine.caseView(case).notes.last().text)
        }
    }

    @Test
    fun `the shell's clock is read, and one that breaks stops no capture`() = DeviceFolder().use { folder ->
        val clock = ShiftedClock()
        Engine.open(folder.path.toString(), "test", clock).use { engine ->
            engine.enrol(Court.shared.ticket(), "test")
            engine.capture(ByteArray(10), CaptureRequest(MediaKind.AUDIO))
            clock.broken = true
            engine.capture(ByteArray(10), CaptureRequest(MediaKind.AUDIO))
            val times = engine.items().map { it.sealedMs }
            assertTrue(times.max() - times.min() > 3_000_000, "$times")
            clock.broken = false
            // I10: a wrong clock refuses nothing.
            assertEquals(2uL, engine.syncUntilHeld().heldItems)
        }
    }
}
