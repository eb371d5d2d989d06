//! Requests to the key server, by route.

use std::time::Duration;

use dockpass_protocol::api;
use dockpass_protocol::code::ErrorCode;

use super::{Count, Times};

/// What a request is for. The rest of a path is input, and never a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// Logins.
    Sessions,
    /// The current session.
    Session,
    /// Registry tokens.
    Token,
    /// The list of registries.
    Registries,
    /// The public keys.
    Keys,
    /// The description of the API.
    OpenApi,
    /// Liveness.
    Live,
    /// Readiness.
    Ready,
    /// Relayed requests.
    Gateway,
    /// Files of the page, and everything that does not exist.
    Page,
}

impl Route {
    /// All of them, in the order of the declaration.
    pub(crate) const ALL: [Self; 10] = [
        Self::Sessions,
        Self::Session,
        Self::Token,
        Self::Registries,
        Self::Keys,
        Self::OpenApi,
        Self::Live,
        Self::Ready,
        Self::Gateway,
        Self::Page,
    ];

    /// The route of this path.
    pub(crate) fn of(path: &str) -> Self {
        match path {
            api::TOKEN => Self::Token,
            api::SESSION => Self::Session,
            api::SESSIONS => Self::Sessions,
            api::REGISTRIES => Self::Registries,
            api::KEYS => Self::Keys,
            "/openapi.json" => Self::OpenApi,
            "/healthz" => Self::Live,
            "/readyz" => Self::Ready,
            path if path.starts_with(api::GATEWAY) => Self::Gateway,
            _ => Self::Page,
        }
    }

    /// The value of the label.
    pub(crate) const fn template(self) -> &'static str {
        match self {
            Self::Sessions => api::SESSIONS,
            Self::Session => api::SESSION,
            Self::Token => api::TOKEN,
            Self::Registries => api::REGISTRIES,
            Self::Keys => api::KEYS,
            Self::OpenApi => "/openapi.json",
            Self::Live => "/healthz",
            Self::Ready => "/readyz",
            Self::Gateway => "/r/{registry}/v2/{path}",
            Self::Page => "/{page}",
        }
    }
}

/// The figures of one route.
#[derive(Debug)]
pub(crate) struct RouteFigures {
    /// Responses by the first digit of their status, from 1 to 5.
    by_class: [Count; 5],
    /// Responses by error code, in the order of [`ErrorCode::ALL`].
    by_code: Vec<Count>,
    /// From the head of the request to the head of the response.
    pub(crate) times: Times,
}

impl Default for RouteFigures {
    fn default() -> Self {
        let by_code = ErrorCode::ALL.iter().map(|_| Count::default()).collect();
        Self { by_class: Default::default(), by_code, times: Times::default() }
    }
}

impl RouteFigures {
    /// Responses by class of their status, as `2xx`.
    pub(crate) fn classes(&self) -> impl Iterator<Item = (&'static str, u64)> {
        ["1xx", "2xx", "3xx", "4xx", "5xx"].into_iter().zip(self.by_class.iter().map(Count::get))
    }

    /// Errors of our own, by code.
    pub(crate) fn codes(&self) -> impl Iterator<Item = (ErrorCode, u64)> {
        ErrorCode::ALL.iter().copied().zip(self.by_code.iter().map(Count::get))
    }
}

/// The figures of all routes.
#[derive(Debug, Default)]
pub(crate) struct Requests([RouteFigures; Route::ALL.len()]);

impl Requests {
    /// Counts a response.
    pub(crate) fn add(&self, route: Route, status: u16, code: Option<ErrorCode>, time: Duration) {
        // The order of `ALL` is that of the declaration, which the test checks.
        let Some(figures) = self.0.get(route as usize) else { return };
        if let Some(count) = usize::from(status / 100).checked_sub(1).and_then(|at| figures.by_class.get(at))
        {
            count.add();
        }
        if let Some(count) = code.and_then(|code| figures.by_code.get(code as usize)) {
            count.add();
        }
        figures.times.add(time);
    }

    /// Every route with its figures.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Route, &RouteFigures)> {
        Route::ALL.into_iter().zip(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_response_is_counted_at_its_route_and_code() {
        let requests = Requests::default();
        for route in Route::ALL {
            requests.add(route, 401, Some(ErrorCode::InvalidSession), Duration::ZERO);
        }
        for (route, figures) in requests.iter() {
            let classes: Vec<u64> = figures.classes().map(|(_, count)| count).collect();
            assert_eq!(classes, [0, 0, 0, 1, 0], "{route:?}");
            let codes: Vec<ErrorCode> =
                figures.codes().filter(|(_, count)| *count > 0).map(|(code, _)| code).collect();
            assert_eq!(codes, [ErrorCode::InvalidSession], "{route:?}");
        }
    }

    #[test]
    fn the_label_of_a_path_shows_nothing_of_it() {
        for (path, template) in [
            ("/v1/token", "/v1/token"),
            ("/v1/token/secret", "/{page}"),
            ("/r/registry.test/v2/secret/tags/list", "/r/{registry}/v2/{path}"),
            ("/secret", "/{page}"),
            ("/", "/{page}"),
        ] {
            assert_eq!(Route::of(path).template(), template);
        }
    }
}
