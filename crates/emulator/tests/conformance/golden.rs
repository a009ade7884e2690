//! Kept here until the first run.
