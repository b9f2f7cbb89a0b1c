package zhixing.core

import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue

/** Canonical JSON in base64url; its secret is sixteen bytes 07. */
private const val TICKET =
    "zx1:eyJjb3VydCI6IuW3nTA4MTEiLCJleHBpcmVzX21zIjo5LCJyZWFsbSI6IjAwMDAwMDAwLTAwMDEtNzEwMS04MTAxLTAxMDEw" +
        "MTAxMDEwMSIsInJvb3QiOiI0ODEzNDk0ZDEzN2UxNjMxYmJhMzAxZDVhY2FiNmU3YmI3YWE3NGNlMTE4NWQ0NTY1NjVlZjUxZDcz" +
        "NzY3N2IyIiwic2VjcmV0IjoiMDcwNzA3MDcwNzA3MDcwNzA3MDcwNzA3MDcwNzA3MDciLCJ1cmwiOiJodHRwOi8vMTI3LjAuMC4x" +
        "OjgwODAvIn0"

class CoreTest {
    @Test
    fun `the version has three numbers`() {
        assertTrue(Regex("""\d+\.\d+\.\d+""").matches(coreVersion()), coreVersion())
    }

    @Test
    fun `a ticket shows court, server and root key and not its secret`() {
        val ticket = readTicket("\n$TICKET ")
        assertEquals(
            TicketParts("川0811", "http://127.0.0.1:8080/", 9L, "4813494d137e1631bba301d5acab6e7bb7aa74ce1185d456565ef51d737677b2"),
            ticket,
        )
        assertTrue("07070707" !in ticket.toString())
    }

    @Test
    fun `a code that is no ticket is invalid input`() {
        for (code in listOf("", "https://example.com/", "zx1:", TICKET.dropLast(2), "zx1:" + "A".repeat(9999))) {
            assertFailsWith<CoreException.InvalidInput>(code) { readTicket(code) }
        }
    }

    @Test
    fun `the public error has eight kinds and each carries its detail`() {
        val errors = listOf(
            CoreException.InvalidInput("why"),
            CoreException.NotFound("why"),
            CoreException.Locked("why"),
            CoreException.Offline("why"),
            CoreException.Rejected("why"),
            CoreException.StorageFull("why"),
            CoreException.Damaged("why"),
            CoreException.Internal("why"),
        )
        // Compiles only while these are all.
        val details = errors.map { error: CoreException ->
            when (error) {
                is CoreException.InvalidInput -> error.detail
                is CoreException.NotFound -> error.detail
                is CoreException.Locked -> error.detail
                is CoreException.Offline -> error.detail
                is CoreException.Rejected -> error.detail
                is CoreException.StorageFull -> error.detail
                is CoreException.Damaged -> error.detail
                is CoreException.Internal -> error.detail
            }
        }
        assertEquals(List(8) { "why" }, details)
    }
}
