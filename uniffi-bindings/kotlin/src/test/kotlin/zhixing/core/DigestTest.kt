package zhixing.core

import java.nio.file.Files
import java.nio.file.Path
import java.security.MessageDigest
import java.util.concurrent.CompletableFuture
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit.SECONDS
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertIs
import kotlin.test.assertNotSame
import kotlin.test.assertTrue
import org.junit.jupiter.api.io.TempDir

private const val MIB = 1 shl 20

/** GB/T 32905-2016, annex A.1. */
private const val SM3_ABC = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"

private fun sha256(bytes: ByteArray) = MessageDigest.getInstance("SHA-256").digest(bytes).joinToString("") { "%02x".format(it) }

private open class Recorder : DigestObserver {
    val steps = CopyOnWriteArrayList<Pair<ULong, ULong>>()
    val result = CompletableFuture<FileDigests>()
    val thread = CompletableFuture<Thread>()

    override fun progressed(doneBytes: ULong, totalBytes: ULong) {
        thread.complete(Thread.currentThread())
        steps += doneBytes to totalBytes
    }

    override fun finished(digests: FileDigests) {
        result.complete(digests)
    }

    override fun failed(error: CoreException) {
        result.completeExceptionally(error)
    }
}

class DigestTest {
    @TempDir
    lateinit var folder: Path

    private fun file(bytes: ByteArray): String = Files.write(folder.resolve("item"), bytes).toString()

    @Test
    fun `bytes in chunks have the digests of the whole`() {
        DigestPass().use { pass ->
            pass.update("a".toByteArray())
            pass.update("bc".toByteArray())
            val digests = pass.finish()
            assertEquals(3uL, digests.sizeBytes)
            assertEquals(sha256("abc".toByteArray()), digests.sha256)
            assertEquals(SM3_ABC, digests.sm3)
        }
    }

    @Test
    fun `a chunk above 1 MiB and a finished pass are invalid input and change nothing`() {
        DigestPass().use { pass ->
            assertFailsWith<CoreException.InvalidInput> { pass.update(ByteArray(MIB + 1)) }
            pass.update(ByteArray(MIB))
            assertEquals(sha256(ByteArray(MIB)), pass.finish().sha256)
            assertFailsWith<CoreException.InvalidInput> { pass.finish() }
            assertFailsWith<CoreException.InvalidInput> { pass.update(ByteArray(1)) }
        }
    }

    @Test
    fun `an observer is told of a file on another thread, rising, and of the end once`() {
        val bytes = ByteArray(3 * MIB + 17) { (it % 241).toByte() }
        val recorder = Recorder()
        digestFile(file(bytes), recorder).use {
            val digests = recorder.result.get(30, SECONDS)
            assertEquals(sha256(bytes), digests.sha256)
            assertEquals(bytes.size.toULong(), digests.sizeBytes)
        }
        assertNotSame(Thread.currentThread(), recorder.thread.get())
        val done = recorder.steps.map { it.first }
        assertEquals(done.sorted().distinct(), done)
        assertEquals(bytes.size.toULong() to bytes.size.toULong(), recorder.steps.last())
    }

    @Test
    fun `a file that is absent is not found and a folder is invalid input`() {
        assertFailsWith<CoreException.NotFound> { digestFile(folder.resolve("absent").toString(), Recorder()) }
        assertFailsWith<CoreException.InvalidInput> { digestFile(folder.toString(), Recorder()) }
    }

    @Test
    fun `a file that is cut short while it is read is reported as damaged`() {
        val path = file(ByteArray(8 * MIB))
        val recorder = object : Recorder() {
            override fun progressed(doneBytes: ULong, totalBytes: ULong) {
                Files.write(Path.of(path), ByteArray(0))
                super.progressed(doneBytes, totalBytes)
            }
        }
        digestFile(path, recorder).use {
            val failure = assertFailsWith<java.util.concurrent.ExecutionException> { recorder.result.get(30, SECONDS) }
            assertIs<CoreException.Damaged>(failure.cause)
        }
    }

    @Test
    fun `after cancelling nothing more is told`() {
        val reached = CountDownLatch(1)
        val cancelled = CountDownLatch(1)
        val recorder = object : Recorder() {
            override fun progressed(doneBytes: ULong, totalBytes: ULong) {
                super.progressed(doneBytes, totalBytes)
                reached.countDown()
                cancelled.await(30, SECONDS)
            }
        }
        digestFile(file(ByteArray(4 * MIB)), recorder).use { task ->
            assertTrue(reached.await(30, SECONDS))
            task.cancel()
            cancelled.countDown()
            digestAnother()
        }
        assertEquals(1, recorder.steps.size)
        assertFalse(recorder.result.isDone)
    }

    @Test
    fun `an observer that throws ends its own work and leaves the core usable`() {
        val recorder = object : Recorder() {
            override fun progressed(doneBytes: ULong, totalBytes: ULong) {
                super.progressed(doneBytes, totalBytes)
                error("a fault of the shell")
            }
        }
        digestFile(file(ByteArray(4 * MIB)), recorder).use {
            recorder.thread.get(30, SECONDS)
            digestAnother()
        }
        assertEquals(1, recorder.steps.size)
        assertFalse(recorder.result.isDone)
    }

    /** Longer work than that before it had left: what that could still tell, it has told when this is done. */
    private fun digestAnother() {
        val recorder = Recorder()
        val path = Files.write(folder.resolve("another"), ByteArray(16 * MIB)).toString()
        digestFile(path, recorder).use { assertEquals((16 * MIB).toULong(), recorder.result.get(30, SECONDS).sizeBytes) }
    }
}
