//! The figures of the server in the Prometheus text format.
//!
//! The parts of the server count for themselves ([`crate::figures`]); a scrape reads their counters, so that metrics
//! cost a request no more than an atomic addition. Labels are routes, error codes and the names of configured
//! registries: their number is fixed by the configuration, and no input and no secret is among them.

use std::fmt::Error;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeMetric, MetricEncoder, NoLabelSet, prometheus_text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;

use crate::figures::Times;
use crate::state::AppState;

/// The media type of the format.
pub(crate) const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All metrics, as they are now.
///
/// # Errors
/// Never, because a `String` takes every text.
pub(crate) fn text(state: &AppState) -> Result<String, Error> {
    let mut registry = Registry::with_prefix("dockpass");
    registry.register_collector(Box::new(Snapshot(state.clone())));
    let mut text = String::new();
    prometheus_text::encode(&mut text, &registry)?;
    Ok(text)
}

#[derive(Debug)]
struct Snapshot(AppState);

/// Labels of a sample: names and values.
type Labels<'a, const N: usize> = [(&'static str, &'a str); N];

/// Writes the metrics one after another.
struct Writer<'a>(DescriptorEncoder<'a>);

impl Writer<'_> {
    fn family(
        &mut self,
        name: &'static str,
        help: &str,
        kind: MetricType,
    ) -> Result<MetricEncoder<'_>, Error> {
        self.0.encode_descriptor(name, help, None, kind)
    }

    /// A counter for each of these label sets.
    fn counters<'l, const N: usize>(
        &mut self,
        name: &'static str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels<'l, N>, u64)>,
    ) -> Result<(), Error> {
        let mut family = self.family(name, help, MetricType::Counter)?;
        for (labels, count) in samples {
            ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn counter(&mut self, name: &'static str, help: &str, count: u64) -> Result<(), Error> {
        ConstCounter::new(count).encode(self.family(name, help, MetricType::Counter)?)
    }

    fn gauges<'l, const N: usize>(
        &mut self,
        name: &'static str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels<'l, N>, u64)>,
    ) -> Result<(), Error> {
        let mut family = self.family(name, help, MetricType::Gauge)?;
        for (labels, count) in samples {
            ConstGauge::new(count).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn gauge(&mut self, name: &'static str, help: &str, value: u64) -> Result<(), Error> {
        ConstGauge::new(value).encode(self.family(name, help, MetricType::Gauge)?)
    }

    /// A histogram for each of these label sets.
    fn times<'l, const N: usize>(
        &mut self,
        name: &'static str,
        help: &str,
        samples: impl IntoIterator<Item = (Labels<'l, N>, &'l Times)>,
    ) -> Result<(), Error> {
        let mut family = self.family(name, help, MetricType::Histogram)?;
        for (labels, times) in samples {
            let (buckets, sum) = times.read();
            let count = buckets.iter().map(|(_, count)| count).sum();
            family.encode_family(&labels)?.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
        }
        Ok(())
    }
}

impl Collector for Snapshot {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let mut writer = Writer(encoder);
        let state = &self.0;
        process(&mut writer, state)?;
        requests(&mut writer, state)?;
        upstream(&mut writer, state)?;
        tokens(&mut writer, state)?;
        sessions(&mut writer, state)?;
        store(&mut writer, state)
    }
}

fn process(writer: &mut Writer<'_>, state: &AppState) -> Result<(), Error> {
    let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
    build.encode(writer.family("build", "Version of the key server", MetricType::Info)?)?;
    let ready = "Whether new requests are accepted (1), or the server is shutting down (0)";
    writer.gauge("ready", ready, u64::from(state.is_ready()))?;
    let connections = &state.connections;
    writer.gauge("connections", "Open connections of clients", connections.open.get())?;
    let accepted = "Connections of clients that were accepted";
    writer.counter("connections_accepted", accepted, connections.accepted.get())?;
    let limited = state.limits_hit.iter().map(|(limit, count)| ([("limit", limit.name())], count.get()));
    writer.counters("limited", "Requests and connections that a limit refused", limited)?;
    let dropped = u64::try_from(crate::telemetry::dropped_lines()).unwrap_or(u64::MAX);
    writer.counter("log_lines_dropped", "Lines of the log that nobody read in time", dropped)
}

fn requests(writer: &mut Writer<'_>, state: &AppState) -> Result<(), Error> {
    let routes = || state.requests.iter().map(|(route, figures)| (route.template(), figures));
    let classes = routes().flat_map(|(route, figures)| {
        figures.classes().map(move |(class, count)| ([("route", route), ("status", class)], count))
    });
    writer.counters("http_requests", "Responses by route and class of status", classes)?;
    // Most codes do not occur at most routes.
    let codes = routes().flat_map(|(route, figures)| {
        let occurred = figures.codes().filter(|(_, count)| *count > 0);
        occurred.map(move |(code, count)| ([("route", route), ("code", code.as_str())], count))
    });
    writer.counters("http_errors", "Problem documents by route and error code", codes)?;
    let help = "Seconds from the head of a request to the head of its response";
    let times = routes().map(|(route, figures)| ([("route", route)], &figures.times));
    writer.times("http_request_duration_seconds", help, times)
}

fn upstream(writer: &mut Writer<'_>, state: &AppState) -> Result<(), Error> {
    let registries = || state.registries.figures();
    let outcomes = registries().flat_map(|(registry, figures)| {
        figures
            .outcomes()
            .map(move |(outcome, count)| ([("registry", registry), ("outcome", outcome)], count))
    });
    let help = "Requests to registries and their token services, by class of status or kind of failure";
    writer.counters("upstream_requests", help, outcomes)?;
    let waiting = registries().map(|(registry, figures)| ([("registry", registry)], figures.waiting.get()));
    writer.gauges("upstream_waiting", "Requests whose response has not begun", waiting)?;
    let times = registries().map(|(registry, figures)| ([("registry", registry)], &figures.times));
    writer.times(
        "upstream_request_duration_seconds",
        "Seconds to the response of a registry or token service",
        times,
    )
}

fn tokens(writer: &mut Writer<'_>, state: &AppState) -> Result<(), Error> {
    let figures = state.broker.figures();
    let lookups = [
        ([("result", "hit")], figures.hits.get()),
        ([("result", "shared_hit")], figures.shared_hits.get()),
        ([("result", "miss")], figures.misses.get()),
    ];
    writer.counters(
        "token_cache_lookups",
        "Requests for a token, by where it was found: in the process, in the store, nowhere",
        lookups,
    )?;
    let (entries, bytes) = state.broker.cache_size();
    writer.gauge("token_cache_entries", "Tokens and denials in the process", entries)?;
    writer.gauge("token_cache_bytes", "Size of the tokens and denials in the process, in bytes", bytes)?;
    writer.counter(
        "token_flights",
        "Token requests that were sent to token services",
        figures.flights.get(),
    )?;
    writer.gauge("token_flights_running", "Token requests that are running now", figures.flying.get())
}

fn sessions(writer: &mut Writer<'_>, state: &AppState) -> Result<(), Error> {
    let rsa = state.sessions.rsa();
    writer.gauge("rsa_queue_length", "Sessions that wait for an RSA operation or have one", rsa.waiting())?;
    let help = "Seconds that a session waits for its RSA operation and for its result";
    writer.times("rsa_duration_seconds", help, [([], rsa.times())])?;
    writer.counter("rsa_operations", "RSA operations with the private key", rsa.operations())?;
    writer.counter(
        "rsa_refused",
        "Sessions that were not opened, because the queue was full",
        rsa.refused(),
    )?;
    let keys = u64::try_from(state.sessions.jwks().len()).unwrap_or(u64::MAX);
    writer.gauge("session_keys", "RSA keys that open sessions", keys)
}

fn store(writer: &mut Writer<'_>, state: &AppState) -> Result<(), Error> {
    let Some(report) = state.store_report() else { return Ok(()) };
    writer.gauge("store_connected", "Whether the store replies", u64::from(report.is_connected))?;
    let help = "Whether the list of revocations is recent enough to accept sessions";
    writer.gauge("store_knows_revocations", help, u64::from(report.knows_revocations))?;
    writer.gauge("store_revocations", "Revocations that this instance knows", report.revocations)?;
    let lookups = [
        ([("result", "hit")], report.hits),
        ([("result", "miss")], report.misses),
        ([("result", "corrupt")], report.corrupt),
    ];
    writer.counters("store_lookups", "Tokens and denials looked up in the store", lookups)?;
    let failures = [([("kind", "failed")], report.failures), ([("kind", "skipped")], report.skipped)];
    writer.counters(
        "store_failures",
        "Commands that failed, or were not sent to a store that is down",
        failures,
    )?;
    writer.counter("store_connections", "Connections made to the store", report.connections)?;
    writer.counter("store_resyncs", "How often the store had lost the revocations", report.resyncs)
}
