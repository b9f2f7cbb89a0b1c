import Foundation
import ZhixingCore

/// Folder of this package.
private let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
/// Batch and photo of the story.
let scenario = package.deletingLastPathComponent().appendingPathComponent("scenario")

struct CourtFailed: Error {
    let what: String
}

/// A folder that disappears with its holder.
final class TemporaryFolder: Sendable {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("zhixing-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(at: url)
    }

    /// Opens the device in this folder.
    func open(keys: KeyStore? = nil) throws -> Engine {
        try Engine.open(folder: url.path, platform: "linux zhixing-swift-tests", keys: keys)
    }
}

/// The real server on a loopback port, with SQLite in a temporary folder and the batch of the story.
final class Court {
    private let folder: TemporaryFolder
    private let server = package.appendingPathComponent("generated/server/zhixing-server")
    private let config: URL
    private var process: Process?

    init() throws {
        // The toolchain's system has no root certificates, without which no HTTP client is made.
        setenv("SSL_CERT_FILE", package.appendingPathComponent("generated/ca-certificates.crt").path, 0)
        folder = try TemporaryFolder()
        let port = try freePort()
        config = folder.url.appendingPathComponent("court.toml")
        let text = """
            listen = "127.0.0.1:\(port)"
            public_url = "http://127.0.0.1:\(port)/"
            data = "\(folder.url.path)/data"
            log_interval_ms = 50
            """
        try text.write(to: config, atomically: true, encoding: .utf8)
        _ = try run("import", scenario.appendingPathComponent("batch").path)
    }

    deinit {
        stop()
    }

    /// One command of the server and what it prints.
    func run(_ command: String...) throws -> String {
        let (started, printed) = (Process(), Pipe())
        started.executableURL = server
        started.arguments = ["--config", config.path] + command
        started.standardOutput = printed
        started.standardError = FileHandle.nullDevice
        try started.run()
        let text = String(decoding: printed.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        started.waitUntilExit()
        guard started.terminationStatus == 0 else { throw CourtFailed(what: "\(command[0]): \(text)") }
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// A ticket for the judge.
    func ticket() throws -> String {
        try run("enrol-ticket", "--login", "judge")
    }

    /// A file with the root key as the court publishes it.
    func root() throws -> String {
        let file = folder.url.appendingPathComponent("root.pem")
        try (run("root") + "\n").write(to: file, atomically: true, encoding: .utf8)
        return file.path
    }

    func start() throws {
        let log = folder.url.appendingPathComponent("court-\(UUID().uuidString).log")
        FileManager.default.createFile(atPath: log.path, contents: nil)
        let started = Process()
        started.executableURL = server
        started.arguments = ["--config", config.path, "serve"]
        started.standardOutput = FileHandle.nullDevice
        started.standardError = try FileHandle(forWritingTo: log)
        try started.run()
        process = started
        for _ in 0..<1_500 {
            if try String(contentsOf: log, encoding: .utf8).contains("serving") { return }
            guard started.isRunning else { break }
            Thread.sleep(forTimeInterval: 0.02)
        }
        throw CourtFailed(what: try String(contentsOf: log, encoding: .utf8))
    }

    func stop() {
        guard let running = process else { return }
        // Foundation starts programs with this thread's blocked signals: on Linux SIGTERM would never arrive.
        kill(running.processIdentifier, SIGKILL)
        running.waitUntilExit()
        process = nil
    }
}

/// A port that nobody listens on.
private func freePort() throws -> UInt16 {
    #if canImport(Glibc)
        let kind = Int32(SOCK_STREAM.rawValue)
    #else
        let kind = SOCK_STREAM
    #endif
    let handle = socket(AF_INET, kind, 0)
    defer { close(handle) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let bound = withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
            bind(handle, raw, size) == 0 && getsockname(handle, raw, &size) == 0
        }
    }
    guard bound else { throw CourtFailed(what: "no free port") }
    return UInt16(bigEndian: address.sin_port)
}

extension Engine {
    /// One synchronisation from begin to end.
    func sync(waitMs: UInt32 = 0) throws -> SyncOutcome {
        try startSync(waitMs: waitMs).join()
    }

    /// Until everything is held and proved, at most 30 s.
    func syncUntilHeld() throws -> EngineStatus {
        for _ in 0..<30 {
            _ = try sync(waitMs: 1_000)
            let status = try status()
            if status.heldItems == status.items && status.pendingStatements == 0 { return status }
        }
        return try status()
    }

    @discardableResult
    func capture(_ bytes: Data, _ request: CaptureRequest, chunk: Int = 10_000) throws -> SealedItem {
        let capture = try beginCapture(request: request)
        for start in stride(from: 0, to: bytes.count, by: chunk) {
            try capture.write(chunk: bytes[start..<min(start + chunk, bytes.count)])
        }
        return try capture.finish()
    }
}

/// Keeps what it is told.
final class Listening: StatusObserver, @unchecked Sendable {
    private let lock = NSLock()
    private var statuses: [EngineStatus] = []
    private var onMain = false
    private let fails: Bool

    init(fails: Bool = false) {
        self.fails = fails
    }

    var told: [EngineStatus] { lock.withLock { statuses } }
    var wasOnMain: Bool { lock.withLock { onMain } }

    func statusChanged(status: EngineStatus) throws {
        lock.withLock {
            statuses.append(status)
            onMain = onMain || Thread.isMainThread
        }
        if fails { throw CourtFailed(what: "the shell's own fault") }
    }

    /// Whether it was told something that fits within 10 s.
    func wasTold(_ fits: (EngineStatus) -> Bool) -> Bool {
        for _ in 0..<2_000 {
            if told.contains(where: fits) { return true }
            Thread.sleep(forTimeInterval: 0.005)
        }
        return false
    }
}

/// A key store over a software key, which counts. CryptoKit's Secure Enclave keys give DER in the same way.
final class CountingKeys: KeyStore, @unchecked Sendable {
    private let lock = NSLock()
    private var secrets: [String: Data] = [:]
    private var key: SoftwareKey?
    private var count = 0
    private var absent = false

    var signatures: Int { lock.withLock { count } }
    /// Whether the person has unlocked.
    var present: Bool {
        get { lock.withLock { !absent } }
        set { lock.withLock { absent = !newValue } }
    }

    func secret(name: String) throws -> Data? {
        if name == "reading" && !present { throw CoreError.Locked(detail: "the person is not there") }
        return lock.withLock { secrets[name] }
    }

    func putSecret(name: String, secret: Data) throws {
        lock.withLock { secrets[name] = secret }
    }

    func signingKey() throws -> Data? {
        lock.withLock { key }?.publicKey()
    }

    func makeSigningKey() throws -> Data {
        let made = try SoftwareKey.make()
        lock.withLock { key = made }
        return made.publicKey()
    }

    func sign(publicKey: Data, bytes: Data) throws -> Data {
        guard let key = lock.withLock({ key }), key.publicKey() == publicKey else {
            throw CourtFailed(what: "another key")
        }
        lock.withLock { count += 1 }
        return try key.sign(bytes: bytes)
    }

    func storage() throws -> KeyStorage {
        .strongbox
    }
}
