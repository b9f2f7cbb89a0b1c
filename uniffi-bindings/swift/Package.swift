// swift-tools-version: 6.0
import Foundation
import PackageDescription

// The core for Swift: bindings that scripts/bindings-generate has written, and their tests. Run scripts/swift-bindings-test, which also
// tells the linker where the library for this machine lies. For phones the library comes as an XCFramework (docs/UNVERIFIED.md).
let framework = "generated/ZhixingCoreFFI.xcframework"
let library: Target
let linked: [LinkerSetting]
if FileManager.default.fileExists(atPath: "\(Context.packageDirectory)/\(framework)") {
    library = .binaryTarget(name: "ZhixingCoreFFI", path: framework)
    linked = []
} else {
    library = .systemLibrary(name: "ZhixingCoreFFI", path: "generated/ZhixingCoreFFI")
    linked = [.linkedLibrary("zhixing_ffi"), .linkedLibrary("crypto", .when(platforms: [.linux]))]
}

let package = Package(
    name: "ZhixingCore",
    platforms: [.iOS(.v17), .macOS(.v14)],
    products: [.library(name: "ZhixingCore", targets: ["ZhixingCore"])],
    targets: [
        library,
        .target(
            name: "ZhixingCore",
            dependencies: ["ZhixingCoreFFI"],
            path: "generated/ZhixingCore",
            // Swift 6.0.3 crashes on an asynchronous foreign trait in mode 6; to be raised when it no longer does.
            swiftSettings: [.swiftLanguageMode(.v5)],
            linkerSettings: linked
        ),
        .testTarget(name: "ZhixingCoreTests", dependencies: ["ZhixingCore"]),
    ]
)
