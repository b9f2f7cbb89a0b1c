//! Writes the Kotlin bindings from a built library; `scripts/bindings-generate` calls it.

fn main() {
    uniffi::uniffi_bindgen_main();
}
