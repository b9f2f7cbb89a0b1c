import Foundation
import Testing
import ZhixingCore

private let first = "（2026）川0811执1号"

@Suite("Duties")
struct DutiesTests {
    @Test("I5: what the law asks is told without signal, with law, count and version")
    func duties() throws {
        let court = try Court()
        try court.start()
        let folder = try TemporaryFolder()
        let engine = try folder.open()
        _ = try engine.enrol(ticket: court.ticket(), label: "test")
        #expect(try engine.sync(waitMs: 2_000) == .done)
        court.stop()

        let known = try engine.cases().first { $0.number == first }
        let caseId = try #require(known).caseId
        let prompts = try engine.prompts(caseId: caseId, on: "2026-03-11")
        let six = try #require(prompts.first { $0.rule == "S02-09" })
        #expect(six.due == "2026-09-10" && six.standing == .open && six.hard)
        #expect(six.count.length == 6 && six.count.unit == "month" && six.count.countedFrom == "2026-03-10")
        #expect(six.basis.first?.law == "TIME" && six.name == "执行期限六个月")
        let gate = try #require(prompts.first { $0.rule == "S17-01" })
        #expect(gate.standing == .waiting && gate.earliest == "2026-06-11")
        let today = try engine.today(withinDays: 14, on: "2026-09-12").first { $0.number == first }
        #expect(today?.prompts.first { $0.rule == "S02-09" }?.standing == .overdue)
        let law = try engine.lawInForce()
        #expect(law.packVersion == six.packVersion && law.listInUse == 0 && law.refused == nil)
        let verdicts = try engine.explain(caseId: caseId, on: "2026-03-11")
        #expect(verdicts.first { $0.rule == "S02-01" }?.verdict == "closed")

        #expect(errorKind(of: { _ = try engine.prompts(caseId: "no id") }) == "invalid input")
        #expect(errorKind(of: { _ = try engine.prompts(caseId: caseId, on: "2026-13-11") }) == "invalid input")
        engine.lock()
        #expect(errorKind(of: { _ = try engine.today() }) == "locked")
        #expect(errorKind(of: { _ = try engine.explain(caseId: caseId) }) == "locked")
        try engine.unlock()

        try court.start()
        let notice = folder.url.appendingPathComponent("2027.json")
        try #"{"year":2027,"rest":["2027-01-01"],"work":[]}"#.write(to: notice, atomically: true, encoding: .utf8)
        let signed = folder.url.appendingPathComponent("signed.json").path
        _ = try court.run("rules", "sign", notice.path, "--out", signed)
        _ = try court.run("rules", "publish", signed)
        _ = try engine.syncUntilHeld()
        let newer = try engine.lawInForce()
        #expect(newer.newestList == 1 && newer.listInUse == 1)
        court.stop()
    }
}
