use super::Registries;
use crate::config::{RegistrySettings, Settings};
use crate::resolver::HostResolver;

fn registries(change: impl FnOnce(&mut Settings)) -> Registries {
    let mut settings = Settings::default();
    change(&mut settings);
    Registries::new(&settings, &settings.own_origin().unwrap(), &HostResolver::system().unwrap()).unwrap()
}

// Threats: RLM-21, SSRF-08, CCH-04.
#[test]
fn all_names_of_docker_hub_are_one_registry() {
    let registries = registries(|_| {});
    for name in [
        "docker.io",
        "index.docker.io",
        "registry-1.docker.io",
        "Docker.IO",
        "docker.io.",
        "docker.io:443",
        "registry.hub.docker.com",
    ] {
        assert_eq!(registries.find(name).unwrap().name(), "docker.io", "{name}");
    }
    assert_eq!(registries.find("docker.io").unwrap().origin().to_string(), "https://registry-1.docker.io");
    for other in ["docker.io.evil.test", "docker.io:5000", "evil.test", "127.0.0.1"] {
        assert_eq!(registries.find(other).unwrap_err().as_str(), "registry_not_allowed", "{other}");
    }
    for bad in [
        "",
        "http://r",
        "r/..",
        "r?x",
        "r#",
        "r\r\nX:1",
        "unix:/run/x",
        "r:65536",
        "r:+443",
        "r: 443",
        "[::1",
        "r:0",
    ] {
        assert_eq!(registries.find(bad).unwrap_err().as_str(), "invalid_registry", "{bad}");
    }
}

// Threats: RLM-20, SSRF-01, SSRF-09.
#[test]
fn the_open_mode_accepts_public_registries_on_default_ports_only() {
    let registries = registries(|config| {
        config.any_registry = true;
        config.public_origin = Some("https://ks.example.com".parse().unwrap());
    });
    for name in ["registry.example.com", "registry.example.com:5000", "8.8.8.8"] {
        assert_eq!(registries.find(name).unwrap().name(), name);
        assert!(registries.find(name).unwrap().origin().to_string().starts_with("https://"));
    }
    for name in [
        "localhost",
        "127.0.0.1",
        "10.0.0.1",
        "[::1]",
        "169.254.169.254",
        "metadata.google.internal",
        "printer.local",
        "foo.localhost",
        "single",
        "registry.example.com:22",
        "registry.example.com:6379",
        "ks.example.com",
        "192.168.1.1:5000",
        "[::ffff:10.0.0.1]",
        "100.100.100.200",
    ] {
        assert_eq!(registries.find(name).unwrap_err().as_str(), "registry_not_allowed", "{name}");
    }
    for name in ["127.1", "0x7f000001", "2130706433", "0177.0.0.1"] {
        assert_eq!(registries.find(name).unwrap_err().as_str(), "invalid_registry", "{name}");
    }
}

#[test]
fn a_registry_has_an_origin_and_a_dial_policy() {
    let registries = registries(|config| {
        config.registries = vec![RegistrySettings {
            catalog: vec!["team/app".parse().unwrap()],
            ..RegistrySettings::at("Ours", "http://127.0.0.1:5000".parse().unwrap()).unwrap()
        }];
    });
    let info = registries.iter().next().unwrap().info();
    assert_eq!(
        (info.registry.as_str(), info.name.as_str(), info.url.as_str()),
        ("127.0.0.1:5000", "Ours", "http://127.0.0.1:5000")
    );
    assert_eq!(info.gateway, "r/127.0.0.1:5000/v2/");
    assert_eq!(info.catalog, ["team/app"]);
}

// Threats: FLT-09.
#[test]
fn an_invalid_certificate_file_prevents_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, "s3cret").unwrap();
    let mut settings = Settings::default();
    settings.registries[0].ca_file = Some(file);
    let own = settings.own_origin().unwrap();
    let message = Registries::new(&settings, &own, &HostResolver::system().unwrap()).unwrap_err().to_string();
    assert!(message.contains("ca.pem") && !message.contains("s3cret"), "{message}");
}
