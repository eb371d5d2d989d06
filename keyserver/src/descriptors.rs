//! File descriptors: every connection takes one.

use std::num::NonZeroUsize;

/// Descriptors for everything but connections: listener, standard streams, runtime, store, files that are reloaded.
const OTHERS: u64 = 64;

/// How many connections of clients there may be with so many descriptors: half of what is left, because a relayed request
/// takes a second one to the registry.
///
/// # Errors
/// The number that is needed, when there are too few for a single connection.
fn connections(descriptors: u64) -> Result<NonZeroUsize, u64> {
    let left = descriptors.saturating_sub(OTHERS) / 2;
    usize::try_from(left).ok().and_then(NonZeroUsize::new).ok_or(OTHERS + 2)
}

/// Raises the limit on open files to what the system allows this process, and returns how many of `wanted` connections
/// there may be.
///
/// # Errors
/// A sentence for the operator, when there are too few descriptors to serve anybody.
pub(crate) fn reserve(wanted: NonZeroUsize) -> Result<NonZeroUsize, String> {
    let Some(limit) = raised_limit() else { return Ok(wanted) };
    let most = connections(limit).map_err(|least| {
        format!("the limit on open files is {limit}, and at least {least} are needed; raise it (`ulimit -n`, LimitNOFILE=)")
    })?;
    if most < wanted {
        tracing::warn!(
            open_files = limit,
            connections = most,
            wanted,
            "the limit on open files allows fewer connections than limits.connections; raise it (`ulimit -n`, LimitNOFILE=)"
        );
        return Ok(most);
    }
    tracing::info!(open_files = limit, connections = wanted, "limit on open files");
    Ok(wanted)
}

/// The limit after it was raised; `None` where there is none, or it is not known.
#[cfg(unix)]
fn raised_limit() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let before = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: before.maximum, ..before };
    if before.current != before.maximum && setrlimit(Resource::Nofile, raised).is_err() {
        tracing::warn!("the limit on open files could not be raised");
    }
    getrlimit(Resource::Nofile).current
}

#[cfg(not(unix))]
fn raised_limit() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    // Threats: AVL-05.
    #[test]
    fn connections_leave_descriptors_for_the_registries() {
        for (descriptors, expected) in
            [(256, Ok(96)), (1_024, Ok(480)), (1_048_576, Ok(524_256)), (66, Ok(1))]
        {
            assert_eq!(connections(descriptors).map(NonZeroUsize::get), expected, "{descriptors}");
        }
        for descriptors in [0, 3, 64, 65] {
            assert_eq!(connections(descriptors), Err(66), "{descriptors}");
        }
    }
}
