import ZhixingCore

/// The kind of the error that `body` throws; "none" if it throws nothing.
///
/// Instead of `#expect { } throws: { }`, on which Swift 6.0.3 crashes.
func errorKind(of body: () throws -> Void) -> String {
    do {
        try body()
        return "none"
    } catch let error as CoreError {
        switch error {
        case .InvalidInput: return "invalid input"
        case .NotFound: return "not found"
        case .Locked: return "locked"
        case .Offline: return "offline"
        case .Rejected: return "rejected"
        case .StorageFull: return "storage full"
        case .Damaged: return "damaged"
        case .Internal: return "internal"
        }
    } catch {
        return "no error of the core"
    }
}
