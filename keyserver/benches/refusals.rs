//! Whether the time of a refusal tells why a session was refused (threat JWE-19).
//!
//! The method is that of dudect (Reparaz, Balasch, Verbauwhede: "Dude, is my code constant time?"): classes in random
//! order, the slowest samples cropped, Welch's t-test between each class and the first. Printed, not asserted: a busy
//! machine has outliers of its own. A difference is there where |t| stays above 4.5 when it is run again.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a benchmark is a program for people"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dockpass_keyserver::Settings;
use dockpass_keyserver::clock::{Randomness, SystemClock, SystemRandomness};
use dockpass_keyserver::session::{SealedText, SessionError, Sessions};
use dockpass_protocol::credential::Credential;
use dockpass_protocol::flow::{LoginProof, RegistryAuth};

/// Samples of each class.
const SAMPLES: usize = 100_000;
/// Sessions of each class, so that none is always in the same place of memory.
const VARIANTS: usize = 64;
/// The share of the slowest samples that is dropped: interrupts, mostly.
const CROPPED: f64 = 0.1;

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let random = SystemRandomness::default();
        let sessions = || {
            Sessions::new(&Settings::default(), Arc::new(SystemClock), Arc::new(SystemRandomness::default()))
                .unwrap()
        };
        let (own, other) = (sessions(), sessions());
        let classes: [(&str, Vec<SealedText>); 5] = [
            ("another tag", variants(&own, |text| damaged(&random, &text, 5)).await),
            ("another content", variants(&own, |text| damaged(&random, &text, 3)).await),
            ("another encrypted key", variants(&own, |text| damaged(&random, &text, 1)).await),
            ("sealed by another key", variants(&other, |text| text).await),
            ("the right header and noise", variants(&own, |text| noise(&random, &text)).await),
        ];
        let mut samples: [Vec<f64>; 5] = Default::default();
        let mut choice = [0_u8; 2];
        while samples.iter().any(|times| times.len() < SAMPLES) {
            random.fill(&mut choice).unwrap();
            let class = usize::from(choice[0]) % classes.len();
            let sealed = &classes[class].1[usize::from(choice[1]) % VARIANTS];
            let began = Instant::now();
            let result = own.open(black_box(sealed)).await;
            let time = began.elapsed();
            assert!(matches!(result, Err(SessionError::Invalid)));
            samples[class].push(time.as_nanos() as f64);
        }
        let mut all: Vec<f64> = samples.iter().flatten().copied().collect();
        all.sort_by(f64::total_cmp);
        let longest = all[((all.len() - 1) as f64 * (1.0 - CROPPED)) as usize];
        let reference = Figures::of(&samples[0], longest);
        println!(
            "refusals of sessions, {SAMPLES} samples of each class, RSA operations: {}",
            own.private_operations()
        );
        for ((name, _), times) in classes.iter().zip(&samples) {
            let figures = Figures::of(times, longest);
            let t = figures.t(&reference);
            let verdict = if t.abs() < 4.5 { "no difference" } else { "DIFFERENT" };
            println!("{name:<28} {:>8.1} ns   t {t:>7.2}   {verdict}", figures.mean);
        }
    });
}

/// Sessions of one class, all of one length.
async fn variants(sessions: &Sessions, change: impl Fn(String) -> String) -> Vec<SealedText> {
    let mut all = Vec::new();
    for _ in 0..VARIANTS {
        let credential = Credential::Password {
            username: "ada".to_owned(),
            password: "analytical-engine".to_owned().into(),
        };
        let proof = LoginProof { auth: RegistryAuth::Basic, credential };
        let sealed =
            sessions.seal("registry.example", &proof, usize::MAX, Duration::from_hours(1)).await.unwrap();
        all.push(SealedText::new(&change(sealed.text)));
    }
    all
}

/// A session with noise in place of one of its parts.
fn damaged(random: &SystemRandomness, text: &str, part: usize) -> String {
    let mut parts: Vec<String> = text.split('.').map(str::to_owned).collect();
    parts[part] = noise_of(random, parts[part].len());
    parts.join(".")
}

/// A session of which only the header and the places of the dots are left.
fn noise(random: &SystemRandomness, text: &str) -> String {
    let parts = text.split('.').enumerate();
    let parts: Vec<String> = parts
        .map(|(index, part)| if index == 0 { part.to_owned() } else { noise_of(random, part.len()) })
        .collect();
    parts.join(".")
}

/// base64url of so many characters.
fn noise_of(random: &SystemRandomness, length: usize) -> String {
    let mut bytes = vec![0; length * 3 / 4];
    random.fill(&mut bytes).unwrap();
    let text = URL_SAFE_NO_PAD.encode(bytes);
    assert_eq!(text.len(), length);
    text
}

/// Mean and variance of the samples of one class.
struct Figures {
    count: f64,
    mean: f64,
    variance: f64,
}

impl Figures {
    fn of(times: &[f64], longest: f64) -> Self {
        let kept: Vec<f64> = times.iter().copied().filter(|time| *time <= longest).collect();
        let count = kept.len() as f64;
        let mean = kept.iter().sum::<f64>() / count;
        let variance = kept.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
        Self { count, mean, variance }
    }

    /// Welch's t.
    fn t(&self, other: &Self) -> f64 {
        (self.mean - other.mean) / (self.variance / self.count + other.variance / other.count).sqrt()
    }
}
