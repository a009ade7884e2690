//! The Compose project of `examples/docker` on a real Docker engine: the page is true, command by command, and no container has more than
//! it needs.

#[path = "docker_demo/lifecycle.rs"]
mod lifecycle;
#[path = "docker_demo/page.rs"]
mod page;
#[path = "docker_demo/policy.rs"]
mod policy;
#[path = "docker_demo/privileges.rs"]
mod privileges;
