package zhixing.core

import java.util.concurrent.Callable
import java.util.concurrent.Executors
import java.util.concurrent.atomic.AtomicInteger
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertTrue

/** Objects across the boundary: closed, forgotten, used by many threads. */
class LifetimeTest {
    private fun awaitLive(expected: LiveObjects) {
        val until = System.nanoTime() + 20_000_000_000
        while (liveObjects() != expected) {
            check(System.nanoTime() < until) { "${liveObjects()} instead of $expected" }
            System.gc()
            Thread.sleep(10)
        }
    }

    @Test
    fun `five hundred captures leave no object behind`() = enrolled { engine ->
        val before = liveObjects()
        repeat(500) { number ->
            engine.beginCapture(CaptureRequest(MediaKind.AUDIO)).use { capture ->
                capture.write(byteArrayOf(number.toByte(), 1, 2))
                // Every tenth is sealed: what counts here is the object, not the disk.
                if (number % 10 == 0) capture.finish() else capture.discard()
                assertEquals(before.captures + 1u, liveObjects().captures)
            }
        }
        assertEquals(before, liveObjects())
        assertEquals(50uL, engine.status().items)
    }

    @Test
    fun `objects that nobody closed are freed by the collector`() = enrolled { engine ->
        val before = liveObjects()
        forget(engine)
        awaitLive(before)
    }

    private fun forget(engine: Engine) {
        repeat(20) { engine.beginCapture(CaptureRequest(MediaKind.AUDIO)).discard() }
        engine.observe(Listening())
        engine.startSync(0u).join()
        assertTrue(liveObjects().captures >= 1u)
    }

    @Test
    fun `an open capture that is let go is recovered at the next start`() = DeviceFolder().use { folder ->
        val capture = folder.open().use { engine ->
            engine.enrol(Court.shared.ticket(), "test")
            engine.beginCapture(CaptureRequest(MediaKind.AUDIO)).apply {
                write(ByteArray(100_000) { 5 })
                save()
            }
        }
        // The capture still has the folder.
        assertTrue(runCatching { folder.open() }.exceptionOrNull() is CoreException.Rejected)
        capture.close()
        folder.open().use { engine ->
            assertEquals(1u, engine.examine().recoveredCaptures)
            assertEquals(100_000uL, engine.items().single().digests.sizeBytes)
        }
    }

    @Test
    fun `calls from eight threads at once lose nothing and harm nothing`() = enrolled { engine ->
        val case = engine.cases()[0].caseId
        val pool = Executors.newFixedThreadPool(8)
        val work = (0 until 8).map { thread ->
            Callable {
                repeat(5) { round ->
                    engine.capture(ByteArray(3_000) { thread.toByte() }, CaptureRequest(MediaKind.AUDIO, caseId = case), chunk = 1_000)
                    engine.note(case, "线程$thread 第$round", null, null)
                    if (round % 2 == 0) engine.sync()
                    engine.caseView(case)
                    engine.search("线程")
                    engine.status()
                }
            }
        }
        try {
            pool.invokeAll(work).forEach { it.get() }
        } finally {
            pool.shutdown()
        }
        val status = engine.syncUntilHeld()
        assertEquals(listOf(40uL, 40uL, 0uL), listOf(status.items, status.heldItems, status.troubledStatements), "$status")
        assertTrue(status.refusals.isEmpty(), "$status")
        engine.sync()
        val view = engine.caseView(case)
        assertEquals(40, view.notes.count { it.text!!.startsWith("线程") })
        assertTrue(view.pending.isEmpty())
    }

    @Test
    fun `an observer that throws or hangs harms nothing`() = enrolled { engine ->
        val calls = AtomicInteger()
        val failing = object : StatusObserver {
            override fun statusChanged(status: EngineStatus) {
                calls.incrementAndGet()
                error("the shell's own fault")
            }
        }
        val hanging = object : StatusObserver {
            override fun statusChanged(status: EngineStatus) = Thread.sleep(60_000)
        }
        val listening = Listening()
        engine.observe(hanging).use {
            engine.observe(failing).use {
                engine.observe(listening).use {
                    awaitTold(listening) { true }
                    repeat(3) { engine.capture(ByteArray(10), CaptureRequest(MediaKind.AUDIO)) }
                    awaitTold(listening) { it.items == 3uL }
                    assertEquals(3uL, engine.syncUntilHeld().heldItems)
                    awaitTold(listening) { it.heldItems == 3uL }
                }
            }
        }
        assertTrue(calls.get() > 1, "it is told again after it threw")
        val told = listening.told.size
        engine.lock()
        engine.unlock()
        assertTrue(listening.told.size <= told + 1, "after its subscription was closed at most one call ends")
    }

    @Test
    fun `an observer may call the engine and end itself`() = enrolled { engine ->
        val listening = Listening()
        lateinit var subscription: StatusSubscription
        val calling = object : StatusObserver {
            override fun statusChanged(status: EngineStatus) {
                listening.statusChanged(engine.status())
                if (status.items > 0uL) subscription.close()
            }
        }
        subscription = engine.observe(calling)
        engine.capture(ByteArray(10), CaptureRequest(MediaKind.AUDIO))
        awaitTold(listening) { it.items == 1uL }
        subscription.close()
    }
}
