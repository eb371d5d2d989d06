//! The way out: `fetch`, or what the caller gave in its place. The only module that names `web_sys`.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use dockpass_protocol::api;
use dockpass_protocol::flow::{ResponseHead, TransportError};
use js_sys::{Function, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    AbortSignal, Request, RequestCache, RequestCredentials, RequestInit, RequestRedirect, Response, Url,
};

use crate::failure::Failure;
use crate::object;

/// What a caller's `signal` is, if there is one.
#[derive(Clone, Debug)]
pub(crate) struct Abort(Option<AbortSignal>);

impl Abort {
    /// Of an options object that may have a `signal`.
    ///
    /// # Errors
    /// `ERR_INVALID_ARGUMENT` when it is something else.
    pub(crate) fn of(options: &JsValue) -> Result<Self, Failure> {
        let signal = object::get(options, "signal");
        if signal.is_undefined() || signal.is_null() {
            return Ok(Self(None));
        }
        signal
            .dyn_into()
            .map(|signal| Self(Some(signal)))
            .map_err(|_| Failure::argument("signal is no AbortSignal."))
    }

    /// Nothing ends it.
    pub(crate) const fn none() -> Self {
        Self(None)
    }

    /// The signal of a request.
    fn of_request(request: &Request) -> Self {
        Self(Some(request.signal()))
    }

    /// The failure, when it has fired.
    fn fired(&self) -> Option<Failure> {
        let signal = self.0.as_ref().filter(|signal| signal.aborted())?;
        Some(Failure::aborted(object::get(signal, "reason")))
    }

    /// The result of `work`, or a failure as soon as the signal fires.
    ///
    /// # Errors
    /// `aborted`.
    pub(crate) async fn race<T>(&self, work: impl Future<Output = T>) -> Result<T, Failure> {
        let Some(signal) = &self.0 else { return Ok(work.await) };
        if let Some(failure) = self.fired() {
            return Err(failure);
        }
        let mut listener = None;
        // The promise's own `resolve` is the listener: no closure crosses the boundary.
        let fired = Promise::new(&mut |resolve, _| {
            if signal.add_event_listener_with_callback("abort", &resolve).is_ok() {
                listener = Some(resolve);
            }
        });
        let mut fired = pin!(JsFuture::from(fired));
        let mut work = pin!(work);
        let result = poll_fn(|context| {
            if let Poll::Ready(result) = work.as_mut().poll(context) {
                return Poll::Ready(Ok(result));
            }
            fired
                .as_mut()
                .poll(context)
                .map(|_| Err(self.fired().unwrap_or_else(|| Failure::aborted(JsValue::UNDEFINED))))
        })
        .await;
        if let Some(listener) = listener {
            let _ = signal.remove_event_listener_with_callback("abort", &listener);
        }
        result
    }
}

/// Whether the browser may attach its cookies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cookies {
    /// Never: registries, and key servers with the bearer carrier.
    Omit,
    /// To the page's own origin.
    SameOrigin,
    /// To a key server on another origin of the same site.
    Include,
}

impl From<Cookies> for RequestCredentials {
    fn from(cookies: Cookies) -> Self {
        match cookies {
            Cookies::Omit => Self::Omit,
            Cookies::SameOrigin => Self::SameOrigin,
            Cookies::Include => Self::Include,
        }
    }
}

/// A request that can be sent more than once.
#[derive(Clone, Debug)]
pub(crate) struct Outgoing(Request);

impl Outgoing {
    /// What a caller of `fetch(input, init)` wants, at our address instead of theirs.
    ///
    /// # Errors
    /// `ERR_INVALID_ARGUMENT` where the browser's `Request` refuses them.
    pub(crate) fn from_fetch(
        input: &JsValue,
        init: &JsValue,
        address: &str,
        cookies: Cookies,
        follow: bool,
    ) -> Result<Self, Failure> {
        let refuse = |_| Failure::argument("These are no arguments of fetch.");
        let absent = init.is_undefined() || init.is_null();
        let theirs = match input.dyn_ref::<Request>() {
            // A Request has every property that an init has, so it serves as one: that is how its address changes.
            Some(request) if absent => request.clone().map_err(refuse)?.into(),
            Some(request) => {
                Request::new_with_request_and_init(request, init.unchecked_ref()).map_err(refuse)?.into()
            }
            None if absent => RequestInit::new().into(),
            None => init.clone(),
        };
        let moved = Request::new_with_str_and_init(address, theirs.unchecked_ref()).map_err(refuse)?;
        let ours = RequestInit::new();
        ours.set_credentials(cookies.into());
        if !follow && moved.redirect() == RequestRedirect::Follow {
            ours.set_redirect(RequestRedirect::Error);
        }
        Request::new_with_request_and_init(&moved, &ours).map(Self).map_err(refuse)
    }

    /// A request of our own. Its answer is not cached, and it follows no redirect.
    ///
    /// # Errors
    /// `ERR_INVALID_ARGUMENT` where the address is none.
    pub(crate) fn new(
        method: &str,
        address: &str,
        cookies: Cookies,
        body: Option<&JsValue>,
        abort: &Abort,
    ) -> Result<Self, Failure> {
        let init = RequestInit::new();
        init.set_method(method);
        init.set_credentials(cookies.into());
        init.set_cache(RequestCache::NoStore);
        init.set_redirect(RequestRedirect::Error);
        if let Some(body) = body {
            init.set_body(body);
        }
        init.set_signal(abort.0.as_ref());
        Request::new_with_str_and_init(address, &init)
            .map(Self)
            .map_err(|_| Failure::argument("This is no address."))
    }

    /// A `GET` for the registry. Its answer may come from the browser's cache.
    ///
    /// # Errors
    /// `ERR_INVALID_ARGUMENT` where the address is none.
    pub(crate) fn get(address: &str, cookies: Cookies, follow: bool, abort: &Abort) -> Result<Self, Failure> {
        let init = RequestInit::new();
        init.set_credentials(cookies.into());
        init.set_redirect(if follow { RequestRedirect::Follow } else { RequestRedirect::Error });
        init.set_signal(abort.0.as_ref());
        Request::new_with_str_and_init(address, &init)
            .map(Self)
            .map_err(|_| Failure::argument("This is no address."))
    }

    /// The same with another value of a header; the caller's own value goes.
    ///
    /// # Errors
    /// `ERR_INVALID_ARGUMENT` for a value that no header can have.
    pub(crate) fn set_header(&self, name: &str, value: &str) -> Result<(), Failure> {
        self.0.headers().set(name, value).map_err(|_| Failure::argument("This is no value of a header."))
    }

    /// The same without a header.
    pub(crate) fn delete_header(&self, name: &str) {
        let _ = self.0.headers().delete(name);
    }

    /// One more of the same; a body that streams is split.
    ///
    /// # Errors
    /// `ERR_INVALID_ARGUMENT` when the body has been used.
    pub(crate) fn again(&self) -> Result<Self, Failure> {
        self.0.clone().map(Self).map_err(|_| Failure::argument("The body of this request has been used."))
    }

    /// HTTP method, as the browser writes it.
    pub(crate) fn method(&self) -> String {
        self.0.method()
    }

    /// The signal that the caller gave with it.
    pub(crate) fn abort(&self) -> Abort {
        Abort::of_request(&self.0)
    }
}

/// Sends requests.
#[derive(Clone, Debug)]
pub(crate) struct Sender(Function);

/// Why there is no answer.
#[derive(Clone, Debug)]
pub(crate) enum NoAnswer {
    /// The caller's signal fired.
    Aborted(Failure),
    /// The browser does not say more than this.
    Transport(TransportError),
}

impl Sender {
    /// The caller's `fetch`, or the global one.
    ///
    /// # Errors
    /// `ERR_INVALID_ARGUMENT` when there is no function.
    pub(crate) fn of(options: &JsValue) -> Result<Self, Failure> {
        let mut fetch = object::get(options, "fetch");
        if fetch.is_undefined() {
            fetch = object::get(&js_sys::global(), "fetch");
        }
        fetch.dyn_into().map(Self).map_err(|_| Failure::argument("fetch is no function."))
    }

    /// Sends it.
    ///
    /// # Errors
    /// [`NoAnswer`].
    pub(crate) async fn send(&self, request: &Outgoing) -> Result<Reply, NoAnswer> {
        let abort = request.abort();
        let failed = || match abort.fired() {
            Some(failure) => NoAnswer::Aborted(failure),
            None => NoAnswer::Transport(TransportError::Unreachable),
        };
        let promise = self.0.call1(&JsValue::UNDEFINED, &request.0).map_err(|_| failed())?;
        let response = JsFuture::from(Promise::resolve(&promise)).await.map_err(|_| failed())?;
        response.dyn_into().map(Reply).map_err(|_| NoAnswer::Transport(TransportError::Invalid))
    }
}

/// An answer whose body may still be on its way.
#[derive(Clone, Debug)]
pub(crate) struct Reply(Response);

impl Reply {
    /// HTTP status code.
    pub(crate) fn status(&self) -> u16 {
        self.0.status()
    }

    /// A header's value; several lines come joined by `, ` (Fetch §2.2.2).
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        self.0.headers().get(name).ok().flatten()
    }

    /// What a flow wants to know of it.
    pub(crate) fn head(&self) -> Head {
        Head {
            status: self.status(),
            challenges: ["www-authenticate", api::CHALLENGE_HEADER]
                .into_iter()
                .filter_map(|name| self.header(name))
                .collect(),
            api_version: self.header("docker-distribution-api-version"),
            content_type: self.header("content-type"),
            retry_after: self.header("retry-after"),
            date: self.header("date"),
        }
    }

    /// Whether it is a problem document (RFC 9457), which only the key server sends.
    pub(crate) fn is_problem(&self) -> bool {
        let media_type = self.header("content-type").unwrap_or_default();
        self.status() >= 400
            && media_type
                .split(';')
                .next()
                .is_some_and(|essence| essence.trim().eq_ignore_ascii_case(api::PROBLEM_MEDIA_TYPE))
    }

    /// The body as JSON; `undefined` when it is none.
    pub(crate) async fn json(&self) -> JsValue {
        match self.0.json() {
            Ok(promise) => JsFuture::from(promise).await.unwrap_or(JsValue::UNDEFINED),
            Err(_) => JsValue::UNDEFINED,
        }
    }

    /// The body, if it has at most `limit` bytes.
    ///
    /// # Errors
    /// [`TooLong`](BodyError::TooLong) without reading further, [`Broken`](BodyError::Broken) when it ends early.
    pub(crate) async fn bytes(&self, limit: u32) -> Result<Uint8Array, BodyError> {
        let announced = self.header("content-length").and_then(|length| length.parse::<u64>().ok());
        if announced.is_some_and(|length| length > limit.into()) {
            self.discard();
            return Err(BodyError::TooLong);
        }
        let Some(body) = self.0.body() else { return Ok(Uint8Array::new_with_length(0)) };
        let reader = call(&body, "getReader", None).map_err(|_| BodyError::Broken)?;
        let mut chunks: Vec<Uint8Array> = Vec::new();
        let mut total = 0_u32;
        loop {
            let step = call(&reader, "read", None).map_err(|_| BodyError::Broken)?;
            let step = JsFuture::from(Promise::resolve(&step)).await.map_err(|_| BodyError::Broken)?;
            let Ok(chunk) = object::get(&step, "value").dyn_into::<Uint8Array>() else { break };
            total = total.saturating_add(chunk.length());
            if total > limit {
                forget(call(&reader, "cancel", None));
                return Err(BodyError::TooLong);
            }
            chunks.push(chunk);
        }
        let whole = Uint8Array::new_with_length(total);
        let mut at = 0;
        for chunk in chunks {
            whole.set(&chunk, at);
            at += chunk.length();
        }
        Ok(whole)
    }

    /// Ends it unread, which frees its connection.
    pub(crate) fn discard(&self) {
        if let Some(body) = self.0.body() {
            forget(call(&body, "cancel", None));
        }
    }

    /// The `Response` itself.
    pub(crate) fn into_response(self) -> JsValue {
        self.0.into()
    }
}

/// Why there is no body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyError {
    /// Longer than the limit.
    TooLong,
    /// It ended early.
    Broken,
}

/// A response's head, owned, so that a [`ResponseHead`] can borrow from it.
#[derive(Debug)]
pub(crate) struct Head {
    status: u16,
    challenges: Vec<String>,
    api_version: Option<String>,
    content_type: Option<String>,
    retry_after: Option<String>,
    date: Option<String>,
}

impl Head {
    /// Hands the borrowed form to `use_it`.
    pub(crate) fn with<T>(&self, use_it: impl FnOnce(&ResponseHead<'_>) -> T) -> T {
        let challenges: Vec<&str> = self.challenges.iter().map(String::as_str).collect();
        use_it(&ResponseHead {
            status: self.status,
            challenges: &challenges,
            api_version: self.api_version.as_deref(),
            content_type: self.content_type.as_deref(),
            retry_after: self.retry_after.as_deref(),
            date: self.date.as_deref(),
        })
    }
}

/// An absolute address in the browser's canonical form, in the parts that matter here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// Scheme, host and port.
    pub(crate) origin: String,
    /// Path.
    pub(crate) path: String,
    /// Query with its `?`, or empty.
    pub(crate) query: String,
}

impl Address {
    /// Reads an address; one that is relative needs a base.
    pub(crate) fn parse(text: &str, base: Option<&str>) -> Option<Self> {
        let url = match base {
            Some(base) => Url::new_with_base(text, base),
            None => Url::new(text),
        }
        .ok()?;
        let web = matches!(url.protocol().as_str(), "http:" | "https:");
        let plain = url.username().is_empty() && url.password().is_empty();
        (web && plain).then(|| Self { origin: url.origin(), path: url.pathname(), query: url.search() })
    }

    /// The address of the page, if there is one.
    pub(crate) fn of_page() -> Option<String> {
        object::string(&object::get(&js_sys::global(), "location"), "href")
    }
}

/// The text of what a caller of `fetch` gave as its first argument.
pub(crate) fn address_of(input: &JsValue) -> Option<String> {
    match input.dyn_ref::<Request>() {
        Some(request) => Some(request.url()),
        None => input.as_string().or_else(|| object::string(input, "href")),
    }
}

fn call(target: &JsValue, method: &str, argument: Option<&JsValue>) -> Result<JsValue, JsValue> {
    let method: Function = Reflect::get(target, &method.into())?.dyn_into()?;
    match argument {
        Some(argument) => method.call1(target, argument),
        None => method.call0(target),
    }
}

/// A promise that nobody waits for must not report that it failed.
fn forget(promise: Result<JsValue, JsValue>) {
    if let Ok(promise) = promise {
        wasm_bindgen_futures::spawn_local(async move {
            let _ = JsFuture::from(Promise::resolve(&promise)).await;
        });
    }
}
