//! Logs on standard error.
//!
//! Nothing secret is ever given to a log macro of ours; that is a rule of the code. The libraries below us do not know
//! it: hyper and its client print requests and header bytes at debug and trace. So whatever filter is configured, the
//! targets of libraries are capped at info; only our own can be turned up.

use std::io::IsTerminal;

use tracing::Metadata;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use crate::config::{LogFormat, LogSettings};

/// Targets that may say more than info, because their code is ours.
const OURS: [&str; 2] = ["dockpass_keyserver", "dockpass_protocol"];

/// Starts logging. Does nothing when the process logs already (tests).
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

/// Logs where a panic happened and nothing else: its message and the values around it may hold anything.
pub(crate) fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "a bug: panic");
    }));
}

/// Whether an event of this origin and level may be written at all.
fn may_speak(metadata: &Metadata<'_>) -> bool {
    let root = metadata.target().split("::").next().unwrap_or_default();
    OURS.contains(&root) || *metadata.level() <= LevelFilter::INFO
}
