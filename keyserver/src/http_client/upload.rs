//! Request bodies that take as long as they need, and no longer.
//!
//! The time for an answer may only begin when the request is out: a large layer takes minutes, and the registry says
//! nothing before it has it. What is bounded instead is standing still, on either side of the body.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep};

use super::{Timeouts, UpstreamBody};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// Where a request body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nobody asked for it yet: there is no connection, or the head is on its way.
    Untouched,
    /// A piece was handed over, and the next one is not asked for yet: the upstream has to read.
    HandedOver,
    /// The next piece is waited for; the body's own timer runs.
    Starved,
    /// All of it was handed over.
    Ended,
}

/// Follows a body on its way out.
#[derive(Debug)]
pub(super) struct Progress {
    stage: watch::Receiver<Stage>,
    timeouts: Timeouts,
}

/// Too long without progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request stood still")]
pub(super) struct UploadStalled;

impl Progress {
    /// Ends when the body, or after its end the answer, has made no progress for longer than it may.
    pub(super) async fn stands_still(mut self) -> UploadStalled {
        loop {
            let stage = *self.stage.borrow_and_update();
            let limit = match stage {
                Stage::Untouched => self.timeouts.response,
                Stage::HandedOver => self.timeouts.idle,
                // Its own timer is nearer.
                Stage::Starved => self.timeouts.idle.saturating_mul(2),
                Stage::Ended => {
                    sleep(self.timeouts.response).await;
                    return UploadStalled;
                }
            };
            match tokio::time::timeout(limit, self.stage.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return UploadStalled,
            }
        }
    }
}

/// A request body that tells its progress and fails when it stands still.
#[derive(Debug)]
pub(super) struct Upload {
    inner: UpstreamBody,
    stage: watch::Sender<Stage>,
    limit: Duration,
    /// Runs while a piece is waited for.
    timer: Pin<Box<Sleep>>,
}

impl Upload {
    /// This body, and what follows it.
    pub(super) fn new(inner: UpstreamBody, timeouts: Timeouts) -> (Self, Progress) {
        let at_first = if inner.is_end_stream() { Stage::Ended } else { Stage::Untouched };
        let (sender, receiver) = watch::channel(at_first);
        let timer = Box::pin(sleep(timeouts.idle));
        let upload = Self { inner, stage: sender, limit: timeouts.idle, timer };
        (upload, Progress { stage: receiver, timeouts })
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // Whether it was sent or not, no more will be: the answer is due.
        self.stage.send_replace(Stage::Ended);
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        match Pin::new(&mut this.inner).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                let stage = if this.inner.is_end_stream() { Stage::Ended } else { Stage::HandedOver };
                this.stage.send_replace(stage);
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(end) => {
                this.stage.send_replace(Stage::Ended);
                Poll::Ready(end)
            }
            Poll::Pending => {
                if *this.stage.borrow() != Stage::Starved {
                    this.stage.send_replace(Stage::Starved);
                    this.timer.as_mut().reset(Instant::now() + this.limit);
                }
                match this.timer.as_mut().poll(context) {
                    Poll::Ready(()) => Poll::Ready(Some(Err(Box::new(UploadStalled)))),
                    Poll::Pending => Poll::Pending,
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
