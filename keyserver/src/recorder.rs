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
    unusable: Option<Box<Unusable>>,
}

impl Recorder {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes these steps, in the log as well.
    pub(crate) fn steps(&self, steps: Vec<StepRecord>) {
        upstream::log_steps(&steps);
        self.with(|record| record.steps.extend(steps));
    }

    /// Notes what was wrong with a token service's 200, if something was.
    pub(crate) fn unusable(&self, unusable: Option<Box<Unusable>>) {
        if unusable.is_some() {
            self.with(|record| record.unusable = unusable);
        }
    }

    /// Takes the steps so far, oldest first.
    pub fn take_steps(&self) -> Vec<StepRecord> {
        self.with(|record| std::mem::take(&mut record.steps))
    }

    /// Logs the diagnosis of a call that failed, with what the steps do not say as far as it was noted.
    pub(crate) fn log_diagnosis(&self) {
        self.with(|record| upstream::log_diagnosis(&record.steps, &Context::of(record.unusable.as_deref())));
    }

    /// The same, with what the caller knows beside the steps.
    pub(crate) fn log_diagnosis_with(&self, context: &Context<'_>) {
        self.with(|record| upstream::log_diagnosis(&record.steps, context));
    }

    fn with<T>(&self, change: impl FnOnce(&mut Record) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
