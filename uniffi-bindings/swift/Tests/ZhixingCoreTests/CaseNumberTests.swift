import Foundation
import Testing
import ZhixingCore

struct CaseNumberVectors: Decodable {
    struct Valid: Decodable {
        struct Expect: Decodable {
            let normalised: String
            let year: UInt16
            let court: String
            let type: String
            let serial: UInt64
            let sub: UInt8?
        }
        let input: String
        let expect: Expect
    }
    struct Invalid: Decodable {
        let input: String
    }
    let valid: [Valid]
    let invalid: [Invalid]

    /// The file that every implementation reads, `core/protocol/vectors`.
    static func read() throws -> Self {
        let root = URL(fileURLWithPath: #filePath).pathComponents.dropLast(5).joined(separator: "/").dropFirst()
        let file = URL(fileURLWithPath: "\(root)/core/protocol/vectors/case-number-vectors.json")
        return try JSONDecoder().decode(Self.self, from: Data(contentsOf: file))
    }
}

@Suite("Case numbers")
struct CaseNumberTests {
    @Test("every valid vector is read into its parts")
    func validVectors() throws {
        let valid = try CaseNumberVectors.read().valid
        #expect(valid.count == 40)
        for vector in valid {
            let number = try readCaseNumber(text: vector.input)
            let expect = vector.expect
            #expect(
                number
                    == CaseNumberParts(
                        text: expect.normalised, year: expect.year, court: expect.court, kind: expect.type, serial: expect.serial,
                        sub: expect.sub))
            #expect(try readCaseNumber(text: number.text) == number)
        }
    }

    @Test("every invalid vector is refused as invalid input")
    func invalidVectors() throws {
        let invalid = try CaseNumberVectors.read().invalid
        #expect(invalid.count == 40)
        for vector in invalid {
            #expect(errorKind(of: { _ = try readCaseNumber(text: vector.input) }) == "invalid input", "\(vector.input)")
        }
    }
}
