import Foundation
import Testing
import ZhixingCore

private let mebibyte = 1 << 20
/// FIPS 180-4 and GB/T 32905-2016 annex A.1.
private let sha256OfAbc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
private let sm3OfAbc = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"

private struct ShellFault: Error {}

/// Keeps what it is told; `onProgress` runs in the core's thread.
private final class Recorder: DigestObserver, @unchecked Sendable {
    private let lock = NSLock()
    private var told: [(done: UInt64, total: UInt64)] = []
    private var ended: Result<FileDigests, CoreError>?
    private let end = DispatchSemaphore(value: 0)
    private let onProgress: @Sendable () throws -> Void

    init(onProgress: @escaping @Sendable () throws -> Void = {}) {
        self.onProgress = onProgress
    }

    var steps: [(done: UInt64, total: UInt64)] { lock.withLock { told } }
    var result: Result<FileDigests, CoreError>? { lock.withLock { ended } }

    func progressed(doneBytes: UInt64, totalBytes: UInt64) throws {
        lock.withLock { told.append((doneBytes, totalBytes)) }
        try onProgress()
    }

    func finished(digests: FileDigests) throws {
        lock.withLock { ended = .success(digests) }
        end.signal()
    }

    func failed(error: CoreError) throws {
        lock.withLock { ended = .failure(error) }
        end.signal()
    }

    func awaitResult() throws -> FileDigests {
        try #require(end.wait(timeout: .now() + 30) == .success, "the work has not ended")
        return try #require(result).get()
    }
}

@Suite("Digests")
final class DigestTests {
    private let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: folder)
    }

    private func file(_ bytes: Data, name: String = "item") throws -> String {
        let file = folder.appendingPathComponent(name)
        try bytes.write(to: file)
        return file.path
    }

    /// Longer work than that before it had left: what that could still tell, it has told when this is done.
    private func digestAnother() throws {
        let recorder = Recorder()
        let task = try digestFile(path: file(Data(count: 16 * mebibyte), name: "another"), observer: recorder)
        #expect(try recorder.awaitResult().sizeBytes == UInt64(16 * mebibyte))
        withExtendedLifetime(task) {}
    }

    @Test("bytes in chunks have the digests of the whole")
    func chunks() throws {
        let pass = DigestPass()
        try pass.update(chunk: Data("a".utf8))
        try pass.update(chunk: Data("bc".utf8))
        let digests = try pass.finish()
        #expect(digests.sizeBytes == 3)
        #expect(digests.sha256 == sha256OfAbc)
        #expect(digests.sm3 == sm3OfAbc)
    }

    @Test("a chunk above 1 MiB and a finished pass are invalid input and change nothing")
    func limits() throws {
        let pass = DigestPass()
        #expect(errorKind(of: { _ = try pass.update(chunk: Data(count: mebibyte + 1)) }) == "invalid input")
        try pass.update(chunk: Data(count: mebibyte))
        #expect(try pass.finish().sizeBytes == UInt64(mebibyte))
        #expect(errorKind(of: { _ = try pass.finish() }) == "invalid input")
        #expect(errorKind(of: { _ = try pass.update(chunk: Data(count: 1)) }) == "invalid input")
    }

    @Test("an observer is told of a file, rising, and of the end once")
    func observer() throws {
        let bytes = Data((0..<(3 * mebibyte + 17)).map { UInt8($0 % 241) })
        let recorder = Recorder()
        let task = try digestFile(path: file(bytes), observer: recorder)
        let digests = try recorder.awaitResult()
        withExtendedLifetime(task) {}

        let pass = DigestPass()
        for start in stride(from: 0, to: bytes.count, by: mebibyte) {
            try pass.update(chunk: bytes[start..<min(start + mebibyte, bytes.count)])
        }
        #expect(try pass.finish() == digests)
        let done = recorder.steps.map(\.done)
        #expect(done == Array(Set(done)).sorted())
        #expect(done.last == UInt64(bytes.count))
        #expect(recorder.steps.allSatisfy { $0.total == UInt64(bytes.count) })
    }

    @Test("a file that is absent is not found and a folder is invalid input")
    func absent() {
        #expect(errorKind(of: { _ = try digestFile(path: folder.appendingPathComponent("absent").path, observer: Recorder()) }) == "not found")
        #expect(errorKind(of: { _ = try digestFile(path: folder.path, observer: Recorder()) }) == "invalid input")
    }

    @Test("a file that is cut short while it is read is reported as damaged")
    func cutShort() throws {
        let path = try file(Data(count: 8 * mebibyte))
        let recorder = Recorder {
            let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
            try handle.truncate(atOffset: 0)
            try handle.close()
        }
        let task = try digestFile(path: path, observer: recorder)
        #expect(errorKind(of: { _ = try recorder.awaitResult() }) == "damaged")
        withExtendedLifetime(task) {}
    }

    @Test("after cancelling nothing more is told")
    func cancelled() throws {
        let reached = DispatchSemaphore(value: 0)
        let cancelled = DispatchSemaphore(value: 0)
        let recorder = Recorder {
            reached.signal()
            _ = cancelled.wait(timeout: .now() + 30)
        }
        let task = try digestFile(path: file(Data(count: 4 * mebibyte)), observer: recorder)
        try #require(reached.wait(timeout: .now() + 30) == .success)
        task.cancel()
        cancelled.signal()
        try digestAnother()
        #expect(recorder.steps.count == 1)
        #expect(recorder.result == nil)
    }

    @Test("an observer that throws ends its own work and leaves the core usable")
    func throwingObserver() throws {
        let reached = DispatchSemaphore(value: 0)
        let recorder = Recorder {
            reached.signal()
            throw ShellFault()
        }
        let task = try digestFile(path: file(Data(count: 4 * mebibyte)), observer: recorder)
        try #require(reached.wait(timeout: .now() + 30) == .success)
        try digestAnother()
        #expect(recorder.steps.count == 1)
        #expect(recorder.result == nil)
        withExtendedLifetime(task) {}
    }
}
