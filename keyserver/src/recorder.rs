//! What happened during one call: the steps that its flows took, for the log, the page and the doctor.

use std::sync::{Arc, Mutex, PoisonError};

use dockpass_protocol::doctor::Context;
use dockpass_protocol::flow::{StepRecord, Unusable};

use crate::upstream;

/// Collects the steps of one call. It is passed down to whatever runs a flow; a clone writes to the same record, so
/// that the steps of a task arrive whoever waits for it.
#[derive(Clone, Debug, Default)]
pub struct Recorder(Arc<Mutex<Record>>);

#[derive(Debug, Default)]
struct Record {
    steps: Vec<StepRecord>,
    context: Context,
}

/// What a failed call tells of itself: its steps, oldest first, and what they do not say.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report {
    pub(crate) steps: Vec<StepRecord>,
    pub(crate) context: Context,
}

impl Recorder {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes which registry the call is about.
    pub(crate) fn registry(&self, name: &str) {
        self.with(|record| record.context.registry = Some(name.to_owned()));
    }

    /// Notes these steps, in the log as well.
    pub(crate) fn steps(&self, steps: Vec<StepRecord>) {
        upstream::log_steps(&steps);
        self.with(|record| record.steps.extend(steps));
    }

    /// Notes what was wrong with a token service's 200, if something was.
    pub(crate) fn unusable(&self, unusable: Option<Box<Unusable>>) {
        if let Some(unusable) = unusable {
            self.context(Context::of(Some(&unusable)));
        }
    }

    /// Notes what the steps do not say.
    pub(crate) fn context(&self, context: Context) {
        self.with(|record| {
            let registry = context.registry.clone().or(record.context.registry.take());
            record.context = Context { registry, ..context };
        });
    }

    /// Takes the steps so far, oldest first.
    pub fn take_steps(&self) -> Vec<StepRecord> {
        self.with(|record| std::mem::take(&mut record.steps))
    }

    /// Takes the steps so far, and what they do not say.
    pub(crate) fn take_report(&self) -> Report {
        self.with(|record| {
            let Record { steps, context } = std::mem::take(record);
            Report { steps, context }
        })
    }

    /// Logs the diagnosis of a call that failed.
    pub(crate) fn log_diagnosis(&self) {
        self.with(|record| upstream::log_diagnosis(&record.steps, &record.context));
    }

    fn with<T>(&self, change: impl FnOnce(&mut Record) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
