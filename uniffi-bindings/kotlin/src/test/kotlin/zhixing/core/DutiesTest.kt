package zhixing.core

import java.nio.file.Path
import kotlin.io.path.createTempDirectory
import kotlin.io.path.writeText
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue

private const val FIRST = "（2026）川0811执1号"

class DutiesTest {
    @Test
    fun `I5 what the law asks is told without signal, with law, count and version`() = Court().use { court ->
        court.start()
        DeviceFolder().use { folder ->
            folder.open().use { engine ->
                engine.enrol(court.ticket(), "test")
                assertEquals(SyncOutcome.Done, engine.sync(2_000u))
                court.stop()
                duties(engine)
                errors(engine)
                court.start()
                holidays(engine, court)
            }
        }
    }

    private fun duties(engine: Engine) {
        val case = engine.cases().first { it.number == FIRST }.caseId
        val prompts = engine.prompts(case, "2026-03-11")
        val six = prompts.first { it.rule == "S02-09" }
        assertEquals("2026-09-10" to DutyStanding.OPEN, six.due to six.standing)
        assertEquals(Triple(6u, "month", "2026-03-10"), Triple(six.count.length, six.count.unit, six.count.countedFrom))
        assertEquals("TIME" to "1", six.basis.first().let { it.law to it.article })
        assertTrue(six.hard && six.name == "执行期限六个月" && six.confidence == "high")
        val gate = prompts.first { it.rule == "S17-01" }
        assertEquals(DutyStanding.WAITING to "2026-06-11", gate.standing to gate.earliest)
        val today = engine.today(14u, "2026-09-12").first { it.number == FIRST }
        assertEquals(DutyStanding.OVERDUE, today.prompts.first { it.rule == "S02-09" }.standing)
        val law = engine.lawInForce()
        assertEquals(six.packVersion, law.packVersion)
        assertEquals(listOf(0uL, 0uL), listOf(law.newestList, law.listInUse))
        assertTrue(law.warning.isNotEmpty() && law.refused == null && six.packId.length == 12)
        val verdicts = engine.explain(case, "2026-03-11").groupBy { it.rule }
        assertEquals("closed", verdicts.getValue("S02-01").single().verdict, "the handler came with the import")
        assertEquals("prompts" to six.packVersion, verdicts.getValue("S02-09").single().let { it.verdict to it.packVersion })
    }

    private fun errors(engine: Engine) {
        val case = engine.cases().first().caseId
        assertFailsWith<CoreException.InvalidInput> { engine.prompts("no id") }
        assertFailsWith<CoreException.InvalidInput> { engine.prompts(case, "2026-13-11") }
        assertFailsWith<CoreException.InvalidInput> { engine.today(on = "tomorrow") }
        engine.lock()
        for (reading in listOf<() -> Unit>({ engine.prompts(case) }, { engine.today() }, { engine.explain(case) })) {
            assertFailsWith<CoreException.Locked> { reading() }
        }
        engine.unlock()
    }

    private fun holidays(engine: Engine, court: Court) {
        val folder = createTempDirectory("zhixing-norms")
        val notice: Path = folder.resolve("2027.json").apply { writeText("""{"year":2027,"rest":["2027-01-01"],"work":[]}""") }
        val signed = folder.resolve("signed.json").toString()
        court.run("rules", "sign", notice.toString(), "--out", signed)
        court.run("rules", "publish", signed)
        engine.syncUntilHeld()
        val law = engine.lawInForce()
        assertEquals(listOf(1uL, 1uL), listOf(law.newestList, law.listInUse), "$law")
        folder.toFile().deleteRecursively()
    }
}
