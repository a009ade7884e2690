//! What a stage tells the operator.

/// Takes lines for the proxy's log. For what an operator has to know, once: state that has changed, never a request.
pub trait Journal {
    /// Something was taken out of service, or will be.
    fn warn(&self, line: &str);
    /// Something came back.
    fn info(&self, line: &str);
}
