//! Conversations with scripted servers in memory, and one with a real server when asked for.

mod certificates;
mod claiming;
mod framing;
mod hostile;
mod live;
mod logins;
mod moving;
mod naming;
mod noticing;
mod reader;
pub(super) mod script;
mod watching;

/// The daemon spawns these; a future that is not `Send` must not compile.
#[expect(dead_code, reason = "compiling it is the test")]
fn futures_can_be_spawned(mut session: super::Session, target: &super::Target) {
    fn spawnable<T: Send>(_: T) {}
    let moves = crate::sort::ledger::Committed::after_fsync(Vec::new());
    spawnable(super::mover::move_messages(
        &mut session,
        &moves,
        super::mover::Policy::default(),
    ));
    spawnable(super::watch::wait(
        &mut session,
        &[],
        std::time::Duration::ZERO,
        &tokio::sync::Notify::new(),
    ));
    spawnable(session.headers(&[], &[]));
    spawnable(session.list());
    spawnable(session.status(&[]));
    spawnable(session.logout());
    spawnable(super::connect(target));
}
