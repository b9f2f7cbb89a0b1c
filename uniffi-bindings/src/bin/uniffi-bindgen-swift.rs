//! Writes the Swift bindings, header and module map from a built library; `scripts/bindings-generate` calls it.

fn main() {
    uniffi::uniffi_bindgen_swift();
}
