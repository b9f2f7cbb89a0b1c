package zhixing.core

import java.net.HttpURLConnection
import java.net.ServerSocket
import java.net.URI
import java.nio.file.Files
import java.nio.file.Path
import java.util.concurrent.TimeUnit
import kotlin.io.path.createTempDirectory
import kotlin.io.path.readText
import kotlin.io.path.writeText

/** Batch and photo of the story. */
val scenario: Path = Path.of(System.getProperty("zhixing.scenario"))

/** The real server on a loopback port, with SQLite in a temporary folder and the batch of the story. */
class Court : AutoCloseable {
    private val folder = createTempDirectory("zhixing-court")
    private val server = System.getProperty("zhixing.server")
    val port = ServerSocket(0).use { it.localPort }
    private val config = folder.resolve("court.toml")
    private val log = folder.resolve("court.log")
    private var process: Process? = null

    init {
        config.writeText(
            """
            listen = "127.0.0.1:$port"
            public_url = "http://127.0.0.1:$port/"
            data = "${folder.resolve("data")}"
            log_interval_ms = 50
            """.trimIndent(),
        )
        run("import", scenario.resolve("batch").toString())
    }

    /** One command of the server and what it prints. */
    fun run(vararg command: String): String {
        val started = ProcessBuilder(listOf(server, "--config", config.toString()) + command).redirectError(ProcessBuilder.Redirect.appendTo(log.toFile())).start()
        val printed = started.inputStream.readAllBytes().decodeToString().trim()
        check(started.waitFor() == 0) { "${command.first()}: $printed ${log.readText()}" }
        return printed
    }

    /** A ticket for the judge. */
    fun ticket(): String = run("enrol-ticket", "--login", "judge")

    /** A file with the root key as the court publishes it. */
    fun root(): Path = folder.resolve("root.pem").apply { writeText(run("root") + "\n") }

    fun start() {
        process = ProcessBuilder(server, "--config", config.toString(), "serve").redirectErrorStream(true).redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile())).start()
        val until = System.nanoTime() + TimeUnit.SECONDS.toNanos(30)
        while (!answers()) {
            check(process!!.isAlive && System.nanoTime() < until) { "the court did not start: ${log.readText()}" }
            Thread.sleep(20)
        }
    }

    private fun answers(): Boolean = runCatching {
        (URI("http://127.0.0.1:$port/health").toURL().openConnection() as HttpURLConnection).responseCode == 200
    }.getOrDefault(false)

    fun stop() {
        process?.let {
            it.destroy()
            if (!it.waitFor(5, TimeUnit.SECONDS)) it.destroyForcibly().waitFor()
        }
        process = null
    }

    override fun close() {
        stop()
        folder.toFile().deleteRecursively()
    }

    companion object {
        /** One running court for all tests that do not stop it. */
        val shared: Court by lazy {
            Court().also {
                it.start()
                Runtime.getRuntime().addShutdownHook(Thread(it::close))
            }
        }
    }
}

/** A folder of a device that disappears with the test. */
class DeviceFolder : AutoCloseable {
    val path: Path = createTempDirectory("zhixing-device")

    fun open(keys: KeyStore? = null): Engine = Engine.open(path.toString(), "linux zhixing-kotlin-tests", keys = keys)

    override fun close() {
        Files.walk(path).use { files -> files.forEach { it.toFile().setWritable(true) } }
        path.toFile().deleteRecursively()
    }
}

/** Plays [act] with an engine that [court] knows. */
fun enrolled(court: Court = Court.shared, keys: KeyStore? = null, act: (Engine) -> Unit) {
    DeviceFolder().use { folder ->
        folder.open(keys).use { engine ->
            engine.enrol(court.ticket(), "test")
            check(engine.sync(2_000u) == SyncOutcome.Done)
            act(engine)
        }
    }
}

/** One synchronisation from begin to end. */
fun Engine.sync(waitMs: UInt = 0u): SyncOutcome = startSync(waitMs).use { it.join() }

/** Until everything is held and proved, at most 30 s. */
fun Engine.syncUntilHeld(): EngineStatus {
    repeat(30) {
        sync(1_000u)
        status().let { if (it.heldItems == it.items && it.pendingStatements == 0uL) return it }
    }
    return status()
}

fun Engine.capture(bytes: ByteArray, request: CaptureRequest, chunk: Int = 10_000): SealedItem = beginCapture(request).use { capture ->
    for (start in bytes.indices step chunk) capture.write(bytes.copyOfRange(start, minOf(start + chunk, bytes.size)))
    capture.finish()
}
