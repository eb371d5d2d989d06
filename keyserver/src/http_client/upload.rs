//! Request bodies that stream, with a limit on the time without progress.
//!
//! The response timeout can start only when the request body is sent: uploading a large layer takes minutes, and the
//! registry responds after it. Until then, the time without progress is limited, on either side of the body.

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

/// How far a request body has been sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Not polled yet: there is no connection, or the head is being sent.
    Untouched,
    /// A chunk was passed on, and the next one is not polled yet: the upstream has to read.
    HandedOver,
    /// Waiting for the next chunk; the body's own timer runs.
    Starved,
    /// Sent completely.
    Ended,
}

/// Watches the progress of a body.
#[derive(Debug)]
pub(super) struct Progress {
    stage: watch::Receiver<Stage>,
    timeouts: Timeouts,
}

/// Too long without progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request body stalled")]
pub(super) struct UploadStalled;

impl Progress {
    /// Completes when the body, or after its end the response, made no progress for longer than allowed.
    pub(super) async fn stands_still(mut self) -> UploadStalled {
        loop {
            let stage = *self.stage.borrow_and_update();
            let limit = match stage {
                Stage::Untouched => self.timeouts.response,
                Stage::HandedOver => self.timeouts.idle,
                // The body's own timer fires first.
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

/// A request body that reports its progress and fails when it stalls.
#[derive(Debug)]
pub(super) struct Upload {
    inner: UpstreamBody,
    stage: watch::Sender<Stage>,
    limit: Duration,
    /// Runs while waiting for a chunk.
    timer: Pin<Box<Sleep>>,
}

impl Upload {
    /// This body, and its progress.
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
        // Completed or cancelled, nothing more is sent: the response timeout starts.
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
