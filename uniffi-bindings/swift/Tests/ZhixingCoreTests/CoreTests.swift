import Testing
import ZhixingCore

/// Canonical JSON in base64url; its secret is sixteen bytes 07.
private let ticketText =
    "zx1:eyJjb3VydCI6IuW3nTA4MTEiLCJleHBpcmVzX21zIjo5LCJyZWFsbSI6IjAwMDAwMDAwLTAwMDEtNzEwMS04MTAxLTAxMDEw"
    + "MTAxMDEwMSIsInJvb3QiOiI0ODEzNDk0ZDEzN2UxNjMxYmJhMzAxZDVhY2FiNmU3YmI3YWE3NGNlMTE4NWQ0NTY1NjVlZjUxZDcz"
    + "NzY3N2IyIiwic2VjcmV0IjoiMDcwNzA3MDcwNzA3MDcwNzA3MDcwNzA3MDcwNzA3MDciLCJ1cmwiOiJodHRwOi8vMTI3LjAuMC4x"
    + "OjgwODAvIn0"

@Suite("Core")
struct CoreTests {
    @Test("the version has three numbers")
    func version() {
        let numbers = coreVersion().split(separator: ".")
        #expect(numbers.count == 3 && numbers.allSatisfy { UInt($0) != nil })
    }

    @Test("a ticket shows court, server and root key and not its secret")
    func ticket() throws {
        let ticket = try readTicket(text: "\n\(ticketText) ")
        #expect(
            ticket
                == TicketParts(
                    court: "川0811", url: "http://127.0.0.1:8080/", expiresMs: 9,
                    root: "4813494d137e1631bba301d5acab6e7bb7aa74ce1185d456565ef51d737677b2"))
        #expect(!"\(ticket)".contains("07070707"))
    }

    @Test(
        "a code that is no ticket is invalid input",
        arguments: ["", "https://example.com/", "zx1:", String(ticketText.dropLast(2)), "zx1:" + String(repeating: "A", count: 9999)])
    func foreignCode(code: String) {
        #expect(errorKind(of: { _ = try readTicket(text: code) }) == "invalid input")
    }

    @Test("the public error has eight kinds and each carries its detail")
    func kinds() {
        let errors: [CoreError] = [
            .InvalidInput(detail: "why"), .NotFound(detail: "why"), .Locked(detail: "why"), .Offline(detail: "why"),
            .Rejected(detail: "why"), .StorageFull(detail: "why"), .Damaged(detail: "why"), .Internal(detail: "why"),
        ]
        // Compiles only while these are all.
        let details = errors.map { error in
            switch error {
            case .InvalidInput(let detail), .NotFound(let detail), .Locked(let detail), .Offline(let detail),
                .Rejected(let detail), .StorageFull(let detail), .Damaged(let detail), .Internal(let detail):
                detail
            }
        }
        #expect(details == Array(repeating: "why", count: 8))
    }
}
