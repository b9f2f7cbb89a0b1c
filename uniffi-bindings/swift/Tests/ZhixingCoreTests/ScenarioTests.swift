import Foundation
import Testing
import ZhixingCore

private let caseNumber = "（2026）川0811执1号"

@Suite("Scenario", .serialized)
struct ScenarioTests {
    @Test("I1 I2 I5: what is captured without signal reaches the court and proves itself")
    func village() throws {
        let (court, folder, observer) = (try Court(), try TemporaryFolder(), Listening())
        try court.start()
        let engine = try folder.open()
        let subscription = try engine.observe(observer: observer)
        defer { subscription.cancel() }
        let caseId = try enrol(engine, court)
        court.stop()
        try offline(engine, caseId, folder)
        try court.start()
        try online(engine, caseId, observer)
        try locked(engine, caseId)
        try freed(engine)
        try exported(engine, caseId, court)
    }

    private func enrol(_ engine: Engine, _ court: Court) throws -> String {
        #expect(try engine.status().officer == nil)
        let officer = try engine.enrol(ticket: court.ticket(), label: "何法官的手机")
        #expect(officer == OfficerInfo(name: "何法官", court: "川0811", badge: "511001"))
        #expect(try engine.sync(waitMs: 2_000) == .done)
        let cases = try engine.cases()
        #expect(cases.map(\.number).sorted() == (1...3).map { "（2026）川0811执\($0)号" })
        let caseId = try #require(cases.first { $0.number == caseNumber }).caseId
        let document = try #require(try engine.caseView(caseId: caseId).documents.first).document
        #expect(errorKind(of: { _ = try engine.documentBytes(caseId: caseId, document: document) }) == "not found")
        #expect(try !engine.fetchDocument(caseId: caseId, document: document))
        #expect(try engine.sync() == .done)
        #expect(try engine.fetchDocument(caseId: caseId, document: document))
        return caseId
    }

    private func offline(_ engine: Engine, _ caseId: String, _ folder: TemporaryFolder) throws {
        #expect(try engine.sync() == .later(reason: "unreachable"))
        #expect(try engine.status().trouble == "unreachable")
        let before = try engine.caseView(caseId: caseId)
        #expect(before.title == "梁远山与彭启明民间借贷纠纷执行案")
        #expect(before.handler == "何法官" && before.amountFen == 2_000_000 && before.filedOn == "2026-03-10")
        #expect(Set(before.parties.map(\.role)) == ["applicant", "respondent"])
        #expect(before.pending.isEmpty && before.timeline.allSatisfy { $0.seq != nil })
        #expect(before.timeline.first?.kind == "case.filed")
        #expect(try engine.search(typed: "启明").contains { $0.caseId == caseId && $0.text == "彭启明" })
        #expect(try !engine.search(typed: "志强").contains { $0.caseId == caseId })
        let judgment = try engine.documentBytes(caseId: caseId, document: before.documents[0].document)
        #expect(judgment.mediaType == "text/plain")
        #expect(try judgment.bytes == Data(contentsOf: scenario.appendingPathComponent("batch/documents/title-1.txt")))

        let photo = try engine.capture(
            Data(contentsOf: scenario.appendingPathComponent("photo.jpg")),
            CaptureRequest(kind: .photo, caseId: caseId, text: "院门与门牌"))
        #expect(photo.mediaType == "image/jpeg")
        let recording = try engine.beginRecording(kind: .video, caseId: caseId)
        for index in UInt32(0)...2 {
            try engine.capture(
                Data(repeating: UInt8(index), count: 300_000),
                CaptureRequest(kind: .video, caseId: caseId, recording: recording, segmentIndex: index), chunk: 100_000)
        }
        try engine.finishRecording(recording: recording)
        let dock = folder.url.appendingPathComponent("dock-0001.mp4")
        try Data(repeating: 7, count: 50_000).write(to: dock)
        let imported = try engine.importFile(path: dock.path, source: .recorder, caseId: nil)
        _ = try engine.assign(items: [imported.item], caseId: caseId)
        _ = try engine.note(caseId: caseId, text: "被执行人不在家，邻居称其在外务工", occurredOn: nil, corrects: nil)

        let view = try engine.caseView(caseId: caseId)
        #expect(view.notes.map(\.text) == ["被执行人不在家，邻居称其在外务工"] && view.notes[0].pending)
        // Photo, three segments, the import; the thumbnail comes with the next synchronisation.
        #expect(view.evidence.count == 5 && view.evidence.allSatisfy { $0.pending && $0.outcome == nil })
        #expect(view.evidence.filter { $0.recording == recording }.compactMap(\.segmentIndex).sorted() == [0, 1, 2])
        let shown = try #require(view.evidence.first { $0.statement == photo.statement })
        #expect(shown.texts.contains(CaseText(name: "text", text: "院门与门牌")))
        #expect(!view.pending.isEmpty && view.pending.allSatisfy { $0.state == "pending" && $0.effect == "applied" })
        #expect(view.timeline.last?.kind == "note.added" && view.timeline.last?.seq == nil)
        let status = try engine.status()
        #expect(status.items == 5 && status.waitingItems == 5 && status.heldItems == 0 && status.waitingBytes > 900_000)
    }

    private func online(_ engine: Engine, _ caseId: String, _ observer: Listening) throws {
        let status = try engine.syncUntilHeld()
        #expect(status.items == 6 && status.heldItems == 6)
        #expect(status.pendingStatements == 0 && status.troubledStatements == 0 && status.waitingBytes == 0)
        #expect(status.refusals.isEmpty && status.setAside.isEmpty && status.trouble == nil)
        for item in try engine.items() {
            #expect(item.proof.receiptMs != nil && item.upload == .sent && item.proof.timeSource == "court")
            #expect(try #require(item.proof.leafIndex) < #require(item.proof.treeSize))
            #expect(try #require(item.proof.notAfterMs) > #require(item.proof.notBeforeMs))
        }
        #expect(try engine.items().filter { $0.proof.assurance == "A1" }.count == 4)
        _ = try engine.sync()
        let view = try engine.caseView(caseId: caseId)
        #expect(view.pending.isEmpty && view.timeline.allSatisfy { $0.seq != nil } && !view.notes.contains(where: \.pending))
        #expect(view.evidence.count == 6 && view.evidence.allSatisfy { $0.outcome == "verified" && !$0.pending })
        #expect(observer.wasTold { $0.heldItems == 6 })
        #expect(observer.wasTold { (1..<900_000).contains($0.waitingBytes) }, "progress within the upload is told")
        #expect(!observer.wasOnMain)
    }

    private func locked(_ engine: Engine, _ caseId: String) throws {
        engine.lock()
        #expect(errorKind(of: { _ = try engine.cases() }) == "locked")
        #expect(errorKind(of: { _ = try engine.caseView(caseId: caseId) }) == "locked")
        #expect(errorKind(of: { _ = try engine.search(typed: "启明") }) == "locked")
        try engine.capture(Data(repeating: 3, count: 20_000), CaptureRequest(kind: .audio, caseId: caseId))
        let status = try engine.syncUntilHeld()
        #expect(status.items == 7 && status.heldItems == 7 && !status.unlocked)
        try engine.unlock()
        _ = try engine.sync()
        #expect(try engine.caseView(caseId: caseId).evidence.count == 7)
    }

    private func freed(_ engine: Engine) throws {
        // What is on its way stays.
        try engine.capture(Data(repeating: 9, count: 1_000), CaptureRequest(kind: .audio))
        let freed = try engine.free()
        #expect(freed.items.count == 7 && freed.kept.map(\.missing) == ["not_sent"] && freed.bytes > 900_000)
        #expect(try engine.items().filter(\.freed).count == 7)
        #expect(try engine.examine().problems.isEmpty)
    }

    private func exported(_ engine: Engine, _ caseId: String, _ court: Court) throws {
        try engine.capture(
            Data(contentsOf: scenario.appendingPathComponent("photo.jpg")), CaptureRequest(kind: .photo, caseId: caseId))
        _ = try engine.syncUntilHeld()
        let folder = try TemporaryFolder()
        try engine.exportCase(caseId: caseId, folder: folder.url.path)
        let root = try court.root()
        let report = try verifyFolder(folder: folder.url.path, trustRoot: root)
        #expect(report.sound)
        for code in ["statement_signature", "media_digests", "receipt", "inclusion"] {
            #expect(report.checks.contains { $0.code == code && $0.verdict == .passed }, "\(code)")
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
        let media = folder.url.appendingPathComponent(try #require(names.first { $0.hasSuffix("-media.jpg") }))
        var bytes = try Data(contentsOf: media)
        bytes[1_000] ^= 1
        try bytes.write(to: media)
        let changed = try verifyFolder(folder: folder.url.path, trustRoot: root)
        #expect(!changed.sound)
        #expect(changed.checks.filter { $0.verdict == .failed }.map(\.code) == ["media_digests"])
    }

    @Test("each of the eight kinds is provoked for real")
    func kinds() throws {
        let (court, folder) = (try Court(), try TemporaryFolder())
        let ticket = try court.ticket()
        let engine = try folder.open()
        #expect(errorKind(of: { _ = try engine.enrol(ticket: "no ticket", label: "") }) == "invalid input")
        #expect(errorKind(of: { _ = try engine.enrol(ticket: ticket, label: "") }) == "offline")
        try court.start()
        _ = try engine.enrol(ticket: ticket, label: "")
        #expect(errorKind(of: { _ = try folder.open() }) == "rejected")
        let other = try TemporaryFolder()
        #expect(errorKind(of: { _ = try other.open().enrol(ticket: ticket, label: "") }) == "rejected")
        _ = try engine.sync(waitMs: 2_000)
        let caseId = try engine.cases()[0].caseId
        let strange = "00000000-0000-7000-8000-000000000000"
        #expect(errorKind(of: { _ = try engine.caseView(caseId: strange) }) == "not found")
        let document = try engine.caseView(caseId: caseId).documents[0].document
        _ = try engine.fetchDocument(caseId: caseId, document: document)
        _ = try engine.sync()
        // A device of the kernel on which every write finds the disk full.
        #if os(Linux)
            let full = { _ = try engine.saveDocument(caseId: caseId, document: document, path: "/dev/full") }
            #expect(errorKind(of: full) == "storage full")
        #endif
        #expect(try !engine.documentBytes(caseId: caseId, document: document).bytes.isEmpty)
        let capture = try engine.beginCapture(request: CaptureRequest(kind: .audio))
        #expect(errorKind(of: { try capture.write(chunk: Data(count: 1 << 20 + 1)) }) == "invalid input")
        try capture.discard()
        #expect(errorKind(of: { _ = try capture.finish() }) == "invalid input")
        engine.lock()
        #expect(errorKind(of: { _ = try engine.cases() }) == "locked")
        let keys = FailingKeys()
        #expect(errorKind(of: { _ = try TemporaryFolder().open(keys: keys) }) == "internal")
    }

    @Test("a broken database is damaged, kept, and what the court has comes back")
    func damaged() throws {
        let (court, folder) = (try Court(), try TemporaryFolder())
        try court.start()
        do {
            let engine = try folder.open()
            _ = try engine.enrol(ticket: court.ticket(), label: "")
            _ = try engine.sync(waitMs: 2_000)
        }
        let file = folder.url.appendingPathComponent("casebook.db")
        var bytes = try Data(contentsOf: file)
        bytes[bytes.count / 2] ^= 0xff
        try bytes.write(to: file)
        let engine = try folder.open()
        #expect(errorKind(of: { try engine.unlock() }) == "damaged")
        let kept = try FileManager.default.contentsOfDirectory(atPath: folder.url.path)
        #expect(kept.contains { $0.hasPrefix("casebook.db.damaged-") })
        try engine.unlock()
        _ = try engine.sync(waitMs: 2_000)
        #expect(try engine.cases().count == 3)
        #expect(try engine.cases().allSatisfy { $0.newestSeq > 0 })
    }

    @Test("the shell's key store signs, and without the person case files stay closed while evidence goes out")
    func keyStore() throws {
        let (court, folder, keys) = (try Court(), try TemporaryFolder(), CountingKeys())
        try court.start()
        do {
            let engine = try folder.open(keys: keys)
            _ = try engine.enrol(ticket: court.ticket(), label: "")
            _ = try engine.sync(waitMs: 2_000)
        }
        keys.present = false
        let engine = try folder.open(keys: keys)
        #expect(errorKind(of: { try engine.unlock() }) == "locked")
        let before = keys.signatures
        try engine.capture(Data(repeating: 1, count: 5_000), CaptureRequest(kind: .audio))
        #expect(keys.signatures > before)
        #expect(try engine.syncUntilHeld().heldItems == 1)
        keys.present = true
        try engine.unlock()
        #expect(try engine.cases().count == 3)
    }

    @Test("objects end with their last reference, and an observer that throws harms nothing")
    func lifetimes() throws {
        let (court, folder) = (try Court(), try TemporaryFolder())
        try court.start()
        let before = liveObjects()
        do {
            let (engine, failing, listening) = (try folder.open(), Listening(fails: true), Listening())
            _ = try engine.enrol(ticket: court.ticket(), label: "")
            let first = try engine.observe(observer: failing)
            let second = try engine.observe(observer: listening)
            for number in 0..<100 {
                let capture = try engine.beginCapture(request: CaptureRequest(kind: .audio))
                try capture.write(chunk: Data([UInt8(number), 1, 2]))
                if number % 10 == 0 { _ = try capture.finish() } else { try capture.discard() }
                #expect(liveObjects().captures == before.captures + 1)
            }
            #expect(try engine.syncUntilHeld().heldItems == 10)
            #expect(listening.wasTold { $0.heldItems == 10 })
            #expect(failing.told.count > 1, "it is told again after it threw")
            first.cancel()
            second.cancel()
        }
        #expect(liveObjects() == before)
        // The folder is free again.
        #expect(try folder.open().status().items == 10)
    }

    @Test("calls from eight threads at once lose nothing")
    func threads() throws {
        let (court, folder) = (try Court(), try TemporaryFolder())
        try court.start()
        let engine = try folder.open()
        _ = try engine.enrol(ticket: court.ticket(), label: "")
        _ = try engine.sync(waitMs: 2_000)
        let caseId = try engine.cases()[0].caseId
        DispatchQueue.concurrentPerform(iterations: 8) { thread in
            do {
                for round in 0..<3 {
                    try engine.capture(Data(repeating: UInt8(thread), count: 3_000), CaptureRequest(kind: .audio, caseId: caseId))
                    _ = try engine.note(caseId: caseId, text: "线程\(thread) 第\(round)", occurredOn: nil, corrects: nil)
                    if round == 1 { _ = try engine.sync() }
                    _ = try engine.caseView(caseId: caseId)
                    _ = try engine.search(typed: "线程")
                }
            } catch {
                Issue.record(error)
            }
        }
        let status = try engine.syncUntilHeld()
        #expect(status.items == 24 && status.heldItems == 24 && status.troubledStatements == 0 && status.refusals.isEmpty)
        _ = try engine.sync()
        #expect(try engine.caseView(caseId: caseId).notes.count == 24)
    }
}

/// Throws what the core does not know.
private final class FailingKeys: KeyStore {
    func secret(name: String) throws -> Data? { throw CourtFailed(what: "no key store") }
    func putSecret(name: String, secret: Data) throws {}
    func signingKey() throws -> Data? { nil }
    func makeSigningKey() throws -> Data { Data() }
    func sign(publicKey: Data, bytes: Data) throws -> Data { Data() }
    func storage() throws -> KeyStorage { .software }
}
