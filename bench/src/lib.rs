//! Criterion benches of the pure crates: `cargo bench --package fairlead-bench`.
//!
//! The folder `benches` holds one file a crate. What a whole filter costs is not measured here but in the tests' fuel table,
//! which is exact, and on a real Envoy.
