//! A time limit on the head of a request, from its first byte on.
//!
//! The limit that hyper has starts with the wait for that byte, so it would also close idle
//! connections. API servers keep theirs for 90 seconds, and a request that is sent into a closing
//! connection is lost. Hence the two are told apart here: a connection may rest for long, a request
//! that has begun must go on.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use axum::response::Response;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep, sleep};
use tower_service::Service;

/// What one connection is doing, told by its service to its stream.
#[derive(Debug, Default)]
struct Pace {
    requests: AtomicU64,
    answering: AtomicBool,
}

/// The stream and the service of one connection, which know of each other.
pub(super) fn pair<S>(
    stream: S,
    router: Router,
    patience: Duration,
    slot: OwnedSemaphorePermit,
) -> (Paced<S>, Tracked) {
    let pace = Arc::new(Pace::default());
    let stream = Paced {
        stream,
        pace: Arc::clone(&pace),
        patience,
        requests: 0,
        deadline: None,
        _slot: slot,
    };
    (stream, Tracked { router, pace })
}

/// A stream that fails when the head of a request takes too long.
#[derive(Debug)]
pub struct Paced<S> {
    stream: S,
    pace: Arc<Pace>,
    patience: Duration,
    /// Heads that were read whole.
    requests: u64,
    /// For the head that is being read.
    deadline: Option<Pin<Box<Sleep>>>,
    _slot: OwnedSemaphorePermit,
}

impl<S> Paced<S> {
    /// Whether the head that is being read is late; wakes the reader when it gets so.
    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        self.deadline.as_mut().is_some_and(|deadline| {
            deadline.deadline() <= Instant::now() || deadline.as_mut().poll(cx).is_ready()
        })
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        let requests = me.pace.requests.load(Ordering::Acquire);
        if requests != me.requests {
            me.requests = requests;
            me.deadline = None;
        }
        let filled = buf.filled().len();
        let read = Pin::new(&mut me.stream).poll_read(cx, buf);
        if me.pace.answering.load(Ordering::Acquire) {
            return read;
        }
        if me.is_late(cx) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if me.deadline.is_none() && buf.filled().len() > filled {
            me.deadline = Some(Box::pin(sleep(me.patience)));
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

/// A service that tells when it answers.
#[derive(Clone, Debug)]
pub struct Tracked {
    router: Router,
    pace: Arc<Pace>,
}

impl<B> Service<Request<B>> for Tracked
where
    Router: Service<Request<B>, Response = Response, Error = Infallible>,
    <Router as Service<Request<B>>>::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.router.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.pace.requests.fetch_add(1, Ordering::AcqRel);
        self.pace.answering.store(true, Ordering::Release);
        let pace = Arc::clone(&self.pace);
        let answer = self.router.call(request);
        Box::pin(async move {
            let answer = answer.await;
            pace.answering.store(false, Ordering::Release);
            answer
        })
    }
}
