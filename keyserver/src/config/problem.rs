//! What is wrong with a configuration, and where.

use std::fmt;

/// Where a key or a value was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In the file, counted from 1.
    File {
        /// Line.
        line: u64,
        /// Column.
        column: u64,
    },
    /// In an environment variable of this name.
    Variable(String),
}

/// One problem. It names the key and the place, never the value, which may be a secret in the wrong place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigProblem {
    /// Where it is; `None` for a key that was not written.
    pub place: Option<Place>,
    /// `section.key`, or empty for a problem with the file itself.
    pub key: String,
    /// What is wrong and what to write instead.
    pub message: String,
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(Place::File { line, column }) => write!(f, "line {line}, column {column}: ")?,
            Some(Place::Variable(name)) => write!(f, "{name}: ")?,
            None => {}
        }
        if !self.key.is_empty() && !matches!(self.place, Some(Place::Variable(_))) {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// Every problem of a configuration, in the order of lines; those of environment variables come last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigProblems(Vec<ConfigProblem>);

impl ConfigProblems {
    /// One problem with the file itself.
    pub(super) fn with_file(place: Option<Place>, message: impl Into<String>) -> Self {
        Self(vec![ConfigProblem { place, key: String::new(), message: message.into() }])
    }

    /// Adds one.
    pub(super) fn push(&mut self, place: Option<Place>, key: impl Into<String>, message: impl Into<String>) {
        self.0.push(ConfigProblem { place, key: key.into(), message: message.into() });
    }

    /// `value`, if there is no problem.
    pub(super) fn or<T>(mut self, value: T) -> Result<T, Self> {
        self.0.sort_by(|a, b| a.place.cmp(&b.place));
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &ConfigProblem> {
        self.0.iter()
    }
}

impl fmt::Display for ConfigProblems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigProblems {}
