//! The store for async callers: a thread of its own does the waiting, so a slow disk never holds up a connection.

use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use tokio::sync::oneshot;
use tokio::task::yield_now;

use super::{Store, StoreError};

type Job = Box<dyn FnOnce(&mut Store) + Send>;

/// A way to the thread that owns the store. Cheap to clone; the thread ends, and the database is closed, when the last
/// handle is gone and the last job is done.
#[derive(Debug, Clone)]
pub struct StoreHandle(Way);

#[derive(Debug, Clone)]
enum Way {
    Thread(mpsc::Sender<Job>),
    Here(Arc<Mutex<Store>>),
}

impl StoreHandle {
    /// Gives the store to a new thread.
    ///
    /// # Errors
    /// [`StoreError::Stopped`] when the system grants no thread.
    pub fn new(mut store: Store) -> Result<Self, StoreError> {
        let (jobs, queue) = mpsc::channel::<Job>();
        thread::Builder::new()
            .name("store".to_owned())
            .spawn(move || {
                for job in queue {
                    // A job that panics has its transaction rolled back; the other accounts' work must go on.
                    let _ = panic::catch_unwind(AssertUnwindSafe(|| job(&mut store)));
                }
            })
            .map_err(|_| StoreError::Stopped)?;
        Ok(Self(Way::Thread(jobs)))
    }

    /// Keeps the store on the thread of whoever asks, for simulations: every run of one seed does the same in the same
    /// order. Before and after a job others have their turn, and the caller may be dropped.
    pub fn here(store: Store) -> Self {
        Self(Way::Here(Arc::new(Mutex::new(store))))
    }

    /// Runs `job` on the store's thread, after those asked for before. The job runs to its end even when the caller stops
    /// waiting: a commit is never cut short by a timeout.
    ///
    /// # Errors
    /// Those of the job, and [`StoreError::Stopped`] when the job panicked or the thread has ended.
    pub async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let jobs = match &self.0 {
            Way::Thread(jobs) => jobs,
            Way::Here(store) => {
                yield_now().await;
                let done = store
                    .lock()
                    .map_err(|_| StoreError::Stopped)
                    .and_then(|mut store| job(&mut store));
                yield_now().await;
                return done;
            }
        };
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |store| {
            // Nobody waits any more: the work is done all the same.
            let _ = answer.send(job(store));
        });
        jobs.send(job).map_err(|_| StoreError::Stopped)?;
        answered.await.map_err(|_| StoreError::Stopped)?
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sort::mailbox::Timestamp;

    fn handle(dir: &tempfile::TempDir) -> StoreHandle {
        StoreHandle::new(Store::open(dir.path(), Timestamp(1)).unwrap().store).unwrap()
    }

    #[tokio::test]
    async fn jobs_run_in_the_order_they_were_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let store = handle(&dir);
        let slow = store.run(|store| store.set_note("home", "order", Some("first")));
        let quick = store.run(|store| store.get_note("home", "order"));
        let (written, read) = tokio::join!(slow, quick);
        written.unwrap();
        assert_eq!(read.unwrap().as_deref(), Some("first"));
    }

    #[tokio::test]
    async fn a_job_nobody_waits_for_is_done_all_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let store = handle(&dir);
        let (begin, wait) = mpsc::channel::<()>();
        let asked = tokio::spawn({
            let store = store.clone();
            async move {
                store
                    .run(move |store| {
                        let _ = wait.recv();
                        store.set_note("home", "kept", Some("yes"))
                    })
                    .await
            }
        });
        tokio::task::yield_now().await;
        asked.abort();
        let _ = asked.await;
        begin.send(()).unwrap();
        assert_eq!(
            store
                .run(|store| store.get_note("home", "kept"))
                .await
                .unwrap()
                .as_deref(),
            Some("yes")
        );
    }

    #[tokio::test]
    async fn a_job_that_panics_takes_nobody_along() {
        let dir = tempfile::tempdir().unwrap();
        let store = handle(&dir);
        let failed = store.run::<()>(|_| panic!("on purpose")).await;
        assert!(matches!(failed, Err(StoreError::Stopped)), "{failed:?}");
        store
            .run(|store| store.set_note("home", "alive", Some("yes")))
            .await
            .unwrap();
    }
}
