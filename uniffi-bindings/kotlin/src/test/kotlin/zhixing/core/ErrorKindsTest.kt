package zhixing.core

import java.io.File
import java.net.ServerSocket
import java.nio.file.Path
import kotlin.io.path.exists
import kotlin.io.path.readBytes
import kotlin.io.path.writeBytes
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertTrue

/** Each of the eight kinds, provoked for real, and what works afterwards. */
class ErrorKindsTest {
    private inline fun <reified E : CoreException> fails(folder: DeviceFolder? = null, act: () -> Unit) {
        val error = assertFailsWith<E> { act() }
        if (folder != null) assertFalse(folder.path.fileName.toString() in error.message.orEmpty(), "${error.message}")
    }

    @Test
    fun `invalid input is refused before anything happens`() = enrolled { engine ->
        fails<CoreException.InvalidInput> { engine.enrol("no ticket", "test") }
        fails<CoreException.InvalidInput> { engine.caseView("no id") }
        fails<CoreException.InvalidInput> { engine.note(engine.cases()[0].caseId, " ", null, null) }
        fails<CoreException.InvalidInput> { engine.note(engine.cases()[0].caseId, "x", "2026-02-30", null) }
        fails<CoreException.InvalidInput> { engine.beginCapture(CaptureRequest(MediaKind.VIDEO, segmentIndex = 0u)) }
        engine.beginCapture(CaptureRequest(MediaKind.AUDIO)).use { capture ->
            fails<CoreException.InvalidInput> { capture.write(ByteArray((1 shl 20) + 1)) }
            capture.write(ByteArray(1 shl 20))
            capture.finish()
            fails<CoreException.InvalidInput> { capture.write(ByteArray(1)) }
            fails<CoreException.InvalidInput> { capture.finish() }
            fails<CoreException.InvalidInput> { capture.discard() }
        }
        DeviceFolder().use { folder -> folder.open().use { fails<CoreException.InvalidInput> { it.sync() } } }
    }

    @Test
    fun `what is not there is not found`() = enrolled { engine ->
        val strange = "00000000-0000-7000-8000-000000000000"
        fails<CoreException.NotFound> { engine.caseView(strange) }
        fails<CoreException.NotFound> { engine.note(strange, "x", null, null) }
        fails<CoreException.NotFound> { engine.finishRecording(strange) }
        fails<CoreException.NotFound> { engine.importFile("/nowhere/at/all.mp4", ImportSource.FILE, null) }
        fails<CoreException.NotFound> { verifyFolder("/nowhere/at/all", court.root().toString()) }
    }

    @Test
    fun `a court that cannot be reached is offline and the same ticket works later`() = Court().use { court ->
        DeviceFolder().use { folder ->
            val ticket = court.ticket()
            folder.open().use { engine ->
                fails<CoreException.Offline>(folder) { engine.enrol(ticket, "test") }
                assertEquals(null, engine.status().officer)
                court.start()
                assertEquals("何法官", engine.enrol(ticket, "test").name)
            }
        }
    }

    @Test
    fun `the court rejects a used ticket and the folder a second program`() = DeviceFolder().use { folder ->
        val ticket = court.ticket()
        folder.open().use { engine ->
            engine.enrol(ticket, "test")
            fails<CoreException.Rejected>(folder) { engine.enrol(court.ticket(), "test") }
            fails<CoreException.Rejected>(folder) { folder.open() }
        }
        folder.open().close()
        DeviceFolder().use { other -> other.open().use { fails<CoreException.Rejected>(other) { it.enrol(ticket, "test") } } }
    }

    @Test
    fun `a full disk is said so and costs nothing`() = enrolled { engine ->
        val case = engine.cases()[0].caseId
        val document = engine.caseView(case).documents.single().document
        engine.fetchDocument(case, document)
        engine.sync()
        // A device of the kernel on which every write finds the disk full.
        fails<CoreException.StorageFull> { engine.saveDocument(case, document, "/dev/full") }
        assertTrue(Path.of("/dev/full").exists())
        assertTrue(engine.documentBytes(case, document).bytes.isNotEmpty(), "the copy is still there")
        DeviceFolder().use { folder ->
            val saved = folder.path.resolve("judgment.txt")
            assertEquals("text/plain", engine.saveDocument(case, document, saved.toString()))
            assertContentEquals(engine.documentBytes(case, document).bytes, saved.readBytes())
        }
    }

    @Test
    fun `a broken database is damaged, kept, and nothing is lost that the court has`() = DeviceFolder().use { folder ->
        val before = folder.open().use { engine ->
            engine.enrol(court.ticket(), "test")
            engine.sync(2_000u)
            val case = engine.cases()[0].caseId
            repeat(20) { engine.note(case, "第${it}次走访", null, null) }
            engine.sync()
            engine.sync()
            engine.caseView(case)
        }
        val broken = folder.path.resolve("casebook.db")
        broken.writeBytes(broken.readBytes().also { it[it.size / 2] = (it[it.size / 2] + 1).toByte() })
        folder.open().use { engine ->
            fails<CoreException.Damaged>(folder) { engine.unlock() }
            assertTrue(folder.path.toFile().list()!!.any { it.startsWith("casebook.db.damaged-") })
            fails<CoreException.Locked>(folder) { engine.cases() }
            engine.unlock()
            assertEquals(SyncOutcome.Done, engine.sync(2_000u))
            val again = engine.caseView(before.caseId)
            assertTrue(again.newestSeq >= before.newestSeq)
            assertEquals(before.notes.map { it.text }, again.notes.map { it.text })
        }
    }

    @Test
    fun `what a part of the shell throws unforeseen is internal`() = DeviceFolder().use { folder ->
        val keys = object : KeyStore by MemoryKeys() {
            override fun secret(name: String): ByteArray? = throw IllegalStateException("key store of ${folder.path}")
        }
        fails<CoreException.Internal>(folder) { folder.open(keys) }
        // A file where the folder should be.
        val file = File(folder.path.toFile(), "file").apply { writeText("x") }
        fails<CoreException.Internal>(folder) { Engine.open(file.path, "test") }
    }

    @Test
    fun `a synchronisation that gets no answer is cancelled at once`() = Court().use { court ->
        court.start()
        DeviceFolder().use { folder ->
            folder.open().use { engine ->
                engine.enrol(court.ticket(), "test")
                court.stop()
                // Takes the connection and never answers.
                ServerSocket(court.port).use { silent ->
                    engine.startSync(60_000u).use { task ->
                        silent.accept().use {
                            assertFalse(task.hasEnded())
                            task.cancel()
                            assertEquals(SyncOutcome.Cancelled, task.join())
                        }
                        assertTrue(task.hasEnded())
                        task.cancel()
                    }
                    // Closing alone ends it too.
                    engine.startSync(60_000u).use { silent.accept().close() }
                }
                court.start()
                assertEquals(SyncOutcome.Done, engine.sync(2_000u))
                assertEquals(3, engine.cases().size)
            }
        }
    }

    private val court get() = Court.shared
}
