use clap::CommandFactory;

use super::{Arguments, CONFIGURATION, Failure, KEYS, LISTEN};
use crate::config::Settings;
use crate::serve::{ServeError, Server};

#[test]
fn the_command_line_is_valid_and_its_help_shows_examples() {
    Arguments::command().debug_assert();
    let help = Arguments::command().render_long_help().to_string();
    for word in ["serve", "keygen", "check-config", "Exit codes", "DOCKPASS__SECTION__KEY"] {
        assert!(help.contains(word), "{word}");
    }
}

#[test]
fn every_failure_has_an_exit_code() {
    let problems = Settings::parse("x: 1\n", []).unwrap_err();
    assert_eq!(Failure::from(problems).code, CONFIGURATION);
    let missing = crate::session::keyring::KeyRing::load(&["/nowhere.pem".into()]).unwrap_err();
    assert_eq!(Failure::from(missing).code, KEYS);
}

#[tokio::test]
async fn a_port_in_use_is_reported_with_address_and_advice() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let listen = taken.local_addr().unwrap();
    let error = Server::bind(Settings { listen, ..Settings::default() }).await.unwrap_err();
    assert!(matches!(error, ServeError::Listen { .. }));
    let failure = Failure::from(error);
    assert_eq!(failure.code, LISTEN);
    assert!(
        failure.message.contains(&listen.to_string()) && failure.message.contains("--listen"),
        "{}",
        failure.message
    );
    assert_eq!(failure.message.lines().count(), 1);
}

// Threats: ORG-01.
#[test]
fn listening_on_all_interfaces_by_flag_requires_a_public_origin() {
    let failure = super::serve(None, Some("0.0.0.0:0".parse().unwrap())).unwrap_err();
    assert_eq!(failure.code, CONFIGURATION);
    assert!(failure.message.contains("public_origin"), "{}", failure.message);
}
