//! Logs on standard error.
//!
//! Our own code never passes a secret to a log macro. Libraries do: hyper and its client log requests and header
//! bytes at debug and trace. So whatever the filter, libraries log at info or above only.
//!
//! Lines are written by a thread of their own, from a queue of limited length. A reader that stalls, such as a full pipe,
//! stops no request: lines that find no room are dropped and counted. All lines that wait are written at once, which saves
//! a busy server a system call per request.

use std::fmt;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::sync::OnceLock;
use std::time::Duration;

use tracing::level_filters::LevelFilter;
use tracing::{Event, Metadata, Subscriber};
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::fmt::format::{Format, Full, Json, JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry};

use crate::config::{LogFormat, LogSettings};
use crate::request_id;

/// Targets that may log below info, because their code is ours.
const OURS: [&str; 2] = ["dockpass_keyserver", "dockpass_protocol"];
/// Lines that wait for the reader at most, some 8 MB.
const QUEUE: usize = 32_768;
/// What is written at once at most, in bytes.
const BATCH: usize = 64 * 1024;
/// How often it is looked at whether lines were dropped.
const REPORT: Duration = Duration::from_secs(10);

/// Writes what is in the queue when it is dropped, if the reader takes it within a second.
#[derive(Debug)]
pub(crate) struct LogWriter {
    _worker: WorkerGuard,
    dropped: Dropped,
}

/// How many lines were dropped since start.
#[derive(Clone, Debug)]
pub(crate) struct Dropped(ErrorCounter);

impl LogWriter {
    /// The count of dropped lines.
    pub(crate) fn dropped(&self) -> &Dropped {
        &self.dropped
    }
}

impl Dropped {
    /// The count.
    pub(crate) fn lines(&self) -> usize {
        self.0.dropped_lines()
    }

    /// Says in the log how many lines are missing, once it is read again. Runs until it is cancelled.
    pub(crate) async fn report(self) {
        let mut told = 0;
        loop {
            tokio::time::sleep(REPORT).await;
            let lines = self.lines();
            if lines > told {
                // This line may be dropped as well. Then the count has grown, and there is another one.
                tracing::warn!(
                    lines = lines - told,
                    "log lines were dropped: standard error was not read fast enough"
                );
                told = lines;
            }
        }
    }
}

/// The count of this process, as the logger is the process's.
static DROPPED: OnceLock<Dropped> = OnceLock::new();

/// How many lines of this process's log were dropped since start.
pub(crate) fn dropped_lines() -> usize {
    DROPPED.get().map_or(0, Dropped::lines)
}

/// Starts logging. Has no effect if a logger is set already, as in tests.
pub(crate) fn init(settings: &LogSettings) -> LogWriter {
    let (writer, log) = queue(QUEUE, io::stderr());
    DROPPED.get_or_init(|| log.dropped().clone());
    let lines = match settings.format {
        LogFormat::Text => tracing_subscriber::fmt::layer()
            .event_format(WithRequestId::text(io::stderr().is_terminal()))
            .with_writer(writer)
            .boxed(),
        LogFormat::Json => tracing_subscriber::fmt::layer()
            .fmt_fields(JsonFields::new())
            .event_format(WithRequestId::json())
            .with_writer(writer)
            .boxed(),
    };
    let started = Registry::default()
        .with(lines.with_filter(
            settings.filter.build().and(filter_fn(may_speak).with_max_level_hint(LevelFilter::TRACE)),
        ))
        .try_init();
    drop(started);
    log
}

/// A writer that never waits, in front of one that may.
fn queue(lines: usize, to: impl Write + Send + 'static) -> (NonBlocking, LogWriter) {
    let queue = NonBlockingBuilder::default().lossy(true).buffered_lines_limit(lines).thread_name("log");
    let (writer, worker) = queue.finish(BufWriter::with_capacity(BATCH, to));
    let dropped = Dropped(writer.error_counter());
    (writer, LogWriter { _worker: worker, dropped })
}

/// A line format with the id of the request that the line is about, as field `request_id` at the end.
#[derive(Debug)]
pub struct WithRequestId<F> {
    line: Format<F>,
    is_json: bool,
}

impl WithRequestId<Full> {
    /// Lines for people.
    pub fn text(with_colors: bool) -> Self {
        Self { line: Format::default().with_ansi(with_colors), is_json: false }
    }
}

impl WithRequestId<Json> {
    fn json() -> Self {
        let line =
            Format::default().json().flatten_event(true).with_current_span(false).with_span_list(false);
        Self { line, is_json: true }
    }
}

impl<S, N, F> FormatEvent<S, N> for WithRequestId<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    Format<F>: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let Some(id) = request_id::current() else { return self.line.format_event(context, writer, event) };
        let mut line = String::with_capacity(256);
        self.line.format_event(context, Writer::new(&mut line), event)?;
        if self.is_json {
            let line = line.trim_end().strip_suffix('}').ok_or(fmt::Error)?;
            writeln!(writer, "{line},\"request_id\":\"{id}\"}}")
        } else {
            writeln!(writer, "{} request_id={id}", line.trim_end())
        }
    }
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

#[cfg(test)]
mod tests {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::fmt::MakeWriter;

    use super::*;
    use crate::clock::SystemRandomness;
    use crate::request_id::RequestIds;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Lines {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    /// What is logged by a request, by a task that it starts, and after it.
    fn logged(lines: &Lines, layer: impl Layer<Registry> + Send + Sync) -> (String, Vec<String>) {
        let id = RequestIds::new(&SystemRandomness::default()).unwrap().next();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        tracing::subscriber::with_default(Registry::default().with(layer), || {
            runtime.block_on(request_id::scope(id, async {
                tracing::info!(seen = "a}", "first");
                request_id::spawn(async { tracing::info!("second") }).await.unwrap();
            }));
            tracing::info!("third");
        });
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        (id.to_string(), text.lines().map(str::to_owned).collect())
    }

    #[test]
    fn a_line_of_text_names_its_request() {
        let lines = Lines::default();
        let layer = tracing_subscriber::fmt::layer()
            .event_format(WithRequestId::text(false))
            .with_writer(lines.clone());
        let (id, lines) = logged(&lines, layer);
        assert!(lines[0].ends_with(&format!("first seen=\"a}}\" request_id={id}")), "{lines:?}");
        assert!(lines[1].ends_with(&format!("second request_id={id}")), "{lines:?}");
        assert!(lines[2].ends_with("third"), "{lines:?}");
    }

    #[test]
    fn a_line_of_json_names_its_request() {
        let lines = Lines::default();
        let layer = tracing_subscriber::fmt::layer()
            .fmt_fields(JsonFields::new())
            .event_format(WithRequestId::json())
            .with_writer(lines.clone());
        let (id, lines) = logged(&lines, layer);
        let lines: Vec<serde_json::Value> =
            lines.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((&lines[0]["seen"], &lines[0]["request_id"]), (&"a}".into(), &id.as_str().into()));
        assert_eq!((&lines[1]["message"], &lines[1]["request_id"]), (&"second".into(), &id.as_str().into()));
        assert_eq!((&lines[2]["message"], lines[2].get("request_id")), (&"third".into(), None));
    }
}

#[cfg(test)]
mod queue_tests {
    use std::io::{self, Write};
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::{Duration, Instant};

    use super::queue;

    /// A reader that takes the first write when it is told to, and reports what arrives at once.
    struct Reader(Option<Receiver<()>>, Sender<Vec<u8>>);

    impl Write for Reader {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if let Some(gate) = self.0.take() {
                gate.recv().ok();
            }
            self.1.send(bytes.to_vec()).ok();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_single_line_does_not_wait_for_others() {
        let (reports, reader) = channel();
        let (mut writer, _log) = queue(10, Reader(None, reports));
        writer.write_all(b"a line\n").unwrap();
        assert_eq!(reader.recv_timeout(Duration::from_secs(5)).unwrap(), b"a line\n");
    }

    #[test]
    fn lines_that_wait_are_written_together_and_none_is_lost() {
        let (open, gate) = channel();
        let (reports, reader) = channel();
        let (mut writer, log) = queue(10_000, Reader(Some(gate), reports));
        let mut expected = Vec::new();
        for number in 0..5_000 {
            let line = format!("line {number}\n");
            writer.write_all(line.as_bytes()).unwrap();
            expected.extend_from_slice(line.as_bytes());
        }
        open.send(()).unwrap();
        drop(log);
        let pieces: Vec<Vec<u8>> = reader.iter().collect();
        assert!(pieces.concat() == expected);
        // What came before the gate was reached, then pieces of the buffer's size, and the rest.
        assert!(pieces.len() <= 4, "{} writes", pieces.len());
    }

    /// A reader that takes nothing until it is told to.
    struct Stalled(Receiver<()>);

    impl Write for Stalled {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.recv().ok();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    // Threats: AVL-02.
    #[test]
    fn lines_that_find_no_room_are_counted_and_nobody_waits() {
        let (resume, stalled) = channel();
        let (mut writer, log) = queue(10, Stalled(stalled));
        let began = Instant::now();
        for _ in 0..1_000 {
            writer.write_all(b"a line\n").unwrap();
        }
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        let dropped = log.dropped().lines();
        assert!((988..=990).contains(&dropped), "{dropped}");
        // Read again, all that waited is written and nothing more is dropped.
        drop(resume);
        std::thread::sleep(Duration::from_millis(200));
        writer.write_all(b"the last line\n").unwrap();
        assert_eq!(log.dropped().lines(), dropped);
    }
}
