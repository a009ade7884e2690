//! valgrind, whose callgrind counts instructions. It comes from the system's packages only: it has to fit the system's C
//! library, and needs root to be installed.

use crate::console::Console;
use crate::process;
use crate::tools::{Missing, apt};

/// Makes sure that it runs.
///
/// # Errors
/// It does not; the message says how to get it.
pub(crate) fn ensure(console: &Console) -> anyhow::Result<()> {
    console.step("find valgrind");
    if process::runs("valgrind") {
        return Ok(());
    }
    // Where a missing tool fails the tests, it is got: a machine for CI is there for them.
    if std::env::var("CI").is_ok_and(|value| value == "true") {
        apt::install(&["valgrind"], console);
        if process::runs("valgrind") {
            return Ok(());
        }
    }
    let remedy = "valgrind is missing: `apt-get install valgrind`, or your system's package of it";
    Err(Missing(remedy.to_owned()).into())
}
