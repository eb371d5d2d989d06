//! Logs on standard error.
//!
//! Our own code never passes a secret to a log macro. Libraries do: hyper and its client log requests and header
//! bytes at debug and trace. So whatever the filter, libraries log at info or above only.

use std::io::IsTerminal;

use tracing::Metadata;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use crate::config::{LogFormat, LogSettings};

/// Targets that may log below info, because their code is ours.
const OURS: [&str; 2] = ["dockpass_keyserver", "dockpass_protocol"];

/// Starts logging. Has no effect if a logger is set already, as in tests.
pub(crate) fn init(settings: &LogSettings) {
    let lines = match settings.format {
        LogFormat::Text => tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal())
            .boxed(),
        LogFormat::Json => tracing_subscriber::fmt::layer()
            .json()
            .flatten_event(true)
            .with_span_list(false)
            .with_writer(std::io::stderr)
            .boxed(),
    };
    let started = Registry::default()
        .with(lines.with_filter(filter_fn(may_speak)).with_filter(settings.filter.build()))
        .try_init();
    drop(started);
}

/// Logs the location of a panic and nothing else: its message may contain any value.
pub(crate) fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "panicked; this is a bug");
    }));
}

/// Whether an event of this target and level may be logged.
fn may_speak(metadata: &Metadata<'_>) -> bool {
    let root = metadata.target().split("::").next().unwrap_or_default();
    OURS.contains(&root) || *metadata.level() <= LevelFilter::INFO
}
