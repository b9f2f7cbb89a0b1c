package zhixing.core

import java.util.concurrent.CopyOnWriteArrayList
import kotlin.io.path.createTempDirectory
import kotlin.io.path.deleteRecursively
import kotlin.io.path.ExperimentalPathApi
import kotlin.io.path.listDirectoryEntries
import kotlin.io.path.name
import kotlin.io.path.readBytes
import kotlin.io.path.readText
import kotlin.io.path.writeBytes
import kotlin.test.Test
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertNotNull
import kotlin.test.assertTrue

private const val CASE = "（2026）川0811执1号"

/** Keeps what it is told, and on which thread. */
class Listening : StatusObserver {
    val told = CopyOnWriteArrayList<EngineStatus>()
    val threads = CopyOnWriteArrayList<Thread>()

    override fun statusChanged(status: EngineStatus) {
        told += status
        threads += Thread.currentThread()
    }
}

@OptIn(ExperimentalPathApi::class)
class ScenarioTest {
    @Test
    fun `I1 I2 I5 what is captured without signal reaches the court and proves itself`() = Court().use { court ->
        court.start()
        DeviceFolder().use { folder ->
            folder.open().use { engine ->
                val observer = Listening()
                engine.observe(observer).use {
                    enrol(engine, court)
                    val case = engine.cases().first { it.number == CASE }.caseId
                    fetchJudgment(engine, case)
                    court.stop()
                    offline(engine, case, folder)
                    court.start()
                    online(engine, case, observer)
                    locked(engine, case)
                    freed(engine)
                    exported(engine, case, court)
                }
            }
        }
    }

    private fun enrol(engine: Engine, court: Court) {
        assertEquals(null, engine.status().officer)
        val officer = engine.enrol(court.ticket(), "何法官的手机")
        assertEquals(OfficerInfo("何法官", "川0811", "511001"), officer)
        assertEquals(SyncOutcome.Done, engine.sync(2_000u))
        assertEquals(listOf(1, 2, 3).map { "（2026）川0811执${it}号" }, engine.cases().map { it.number }.sorted())
    }

    private fun fetchJudgment(engine: Engine, case: String) {
        val document = engine.caseView(case).documents.single()
        assertFailsWith<CoreException.NotFound> { engine.documentBytes(case, document.document) }
        assertFalse(engine.fetchDocument(case, document.document))
        assertEquals(SyncOutcome.Done, engine.sync())
        assertTrue(engine.fetchDocument(case, document.document))
    }

    private fun offline(engine: Engine, case: String, folder: DeviceFolder) {
        assertEquals(SyncOutcome.Later("unreachable"), engine.sync())
        assertEquals("unreachable", engine.status().trouble)
        val before = engine.caseView(case)
        assertEquals("梁远山与彭启明民间借贷纠纷执行案", before.title)
        assertEquals("何法官", before.handler)
        assertEquals(2_000_000L, before.amountFen)
        assertEquals("2026-03-10", before.filedOn)
        assertEquals(setOf("applicant", "respondent"), before.parties.map { it.role }.toSet())
        assertTrue(before.pending.isEmpty() && before.timeline.all { it.seq != null })
        assertEquals("case.filed", before.timeline.first().kind)
        val hits = engine.search("启明")
        assertTrue(hits.any { it.caseId == case && it.text == "彭启明" }, "$hits")
        assertTrue(engine.search("志强").none { it.caseId == case })
        val judgment = engine.documentBytes(case, before.documents.single().document)
        assertEquals("text/plain", judgment.mediaType)
        assertContentEquals(scenario.resolve("batch/documents/title-1.txt").readBytes(), judgment.bytes)

        val photo = engine.capture(scenario.resolve("photo.jpg").readBytes(), CaptureRequest(MediaKind.PHOTO, caseId = case, text = "院门与门牌"))
        assertEquals("image/jpeg", photo.mediaType)
        val recording = engine.beginRecording(MediaKind.VIDEO, case)
        for (index in 0u..2u) {
            val segment = CaptureRequest(MediaKind.VIDEO, caseId = case, recording = recording, segmentIndex = index)
            engine.capture(ByteArray(300_000) { (it + index.toInt()).toByte() }, segment, chunk = 100_000)
        }
        engine.finishRecording(recording)
        val dock = folder.path.resolve("dock-0001.mp4").apply { writeBytes(ByteArray(50_000) { 7 }) }
        engine.importFile(dock.toString(), ImportSource.RECORDER, null).let { engine.assign(listOf(it.item), case) }
        engine.note(case, "被执行人不在家，邻居称其在外务工", null, null)

        val view = engine.caseView(case)
        assertEquals("被执行人不在家，邻居称其在外务工", view.notes.single().text)
        assertTrue(view.notes.single().pending)
        // Photo, three segments, the import; the thumbnail comes with the next synchronisation.
        assertEquals(5, view.evidence.size)
        assertTrue(view.evidence.all { it.pending && it.outcome == null })
        assertEquals(listOf(0u, 1u, 2u), view.evidence.filter { it.recording == recording }.mapNotNull { it.segmentIndex }.sorted())
        assertEquals("院门与门牌", view.evidence.first { it.statement == photo.statement }.texts.first { it.name == "text" }.text)
        assertTrue(view.pending.isNotEmpty() && view.pending.all { it.state == "pending" && it.effect == "applied" })
        assertEquals("note.added", view.timeline.last().kind)
        assertEquals(null, view.timeline.last().seq)
        val status = engine.status()
        assertEquals(5uL to 5uL, status.items to status.waitingItems)
        assertTrue(status.waitingBytes > 900_000uL && status.heldItems == 0uL)
    }

    private fun online(engine: Engine, case: String, observer: Listening) {
        val status = engine.syncUntilHeld()
        assertEquals(6uL to 6uL, status.items to status.heldItems, "$status")
        assertEquals(listOf(0uL, 0uL, 0uL), listOf(status.pendingStatements, status.troubledStatements, status.waitingBytes))
        assertTrue(status.refusals.isEmpty() && status.setAside.isEmpty() && status.trouble == null)
        for (item in engine.items()) {
            val proof = item.proof
            assertNotNull(proof.receiptMs)
            assertTrue(assertNotNull(proof.leafIndex) < assertNotNull(proof.treeSize))
            assertTrue(assertNotNull(proof.notAfterMs) > assertNotNull(proof.notBeforeMs))
            assertEquals("court", proof.timeSource)
            assertEquals(UploadState.SENT, item.upload)
        }
        assertEquals(mapOf("A0" to 2, "A1" to 4), engine.items().groupingBy { it.proof.assurance }.eachCount().toSortedMap())
        engine.sync()
        val view = engine.caseView(case)
        assertTrue(view.pending.isEmpty() && view.timeline.all { it.seq != null } && view.notes.none { it.pending })
        assertTrue(view.evidence.size == 6 && view.evidence.all { it.outcome == "verified" && !it.pending })

        awaitTold(observer) { it.heldItems == 6uL }
        assertTrue(observer.told.any { it.waitingBytes in 1uL..899_999uL }, "progress within an upload is told")
        assertTrue(observer.threads.none { it == Thread.currentThread() })
    }

    private fun locked(engine: Engine, case: String) {
        engine.lock()
        assertFalse(engine.status().unlocked)
        for (reading in listOf<() -> Unit>({ engine.cases() }, { engine.caseView(case) }, { engine.search("启明") })) {
            assertFailsWith<CoreException.Locked> { reading() }
        }
        engine.capture(ByteArray(20_000) { 3 }, CaptureRequest(MediaKind.AUDIO, caseId = case))
        val status = engine.syncUntilHeld()
        assertEquals(Triple(7uL, 7uL, false), Triple(status.items, status.heldItems, status.unlocked))
        engine.unlock()
        engine.sync()
        assertEquals(7, engine.caseView(case).evidence.size)
    }

    private fun freed(engine: Engine) {
        // What is on its way stays.
        engine.capture(ByteArray(1_000) { 9 }, CaptureRequest(MediaKind.AUDIO))
        val freed = engine.free()
        assertEquals(7, freed.items.size)
        assertEquals(listOf("not_sent"), freed.kept.map { it.missing })
        assertTrue(freed.bytes > 900_000uL)
        assertEquals(7, engine.items().count { it.freed })
        assertEquals(emptyList(), engine.examine().problems)
    }

    private fun exported(engine: Engine, case: String, court: Court) {
        engine.capture(scenario.resolve("photo.jpg").readBytes(), CaptureRequest(MediaKind.PHOTO, caseId = case))
        engine.syncUntilHeld()
        val folder = createTempDirectory("zhixing-export")
        try {
            engine.exportCase(case, folder.toString())
            val report = verifyFolder(folder.toString(), court.root().toString())
            assertTrue(report.sound, report.checks.filter { it.verdict is CheckVerdict.Failed }.toString())
            for (code in listOf("statement_signature", "media_digests", "receipt", "inclusion")) {
                assertTrue(report.checks.any { it.code == code && it.verdict == CheckVerdict.Passed }, code)
            }
            val media = folder.listDirectoryEntries().first { it.name.endsWith("-media.jpg") }
            media.writeBytes(media.readBytes().also { it[1_000] = (it[1_000] + 1).toByte() })
            val changed = verifyFolder(folder.toString(), court.root().toString())
            assertFalse(changed.sound)
            assertEquals(listOf("media_digests"), changed.checks.filter { it.verdict == CheckVerdict.Failed }.map { it.code })
            val strange = folder.resolve("strange").apply { writeBytes("0".repeat(64).toByteArray()) }
            val untrusted = verifyFolder(folder.toString(), strange.toString())
            assertTrue(untrusted.checks.any { (it.verdict as? CheckVerdict.Untrusted)?.detail?.startsWith("untrusted key ") == true })
            assertTrue(folder.resolve("README.txt").readText().contains("openssl"))
        } finally {
            folder.deleteRecursively()
        }
    }
}

/** Waits until [observer] was told something that fits, at most 10 s. */
fun awaitTold(observer: Listening, fits: (EngineStatus) -> Boolean) {
    val until = System.nanoTime() + 10_000_000_000
    while (observer.told.none(fits)) {
        check(System.nanoTime() < until) { "never told; last: ${observer.told.lastOrNull()}" }
        Thread.sleep(5)
    }
}
