//! Draws both presets of a recording: how the pictures of the documentation are made.
//!
//! `cargo run -p monitor-viz --example gallery -- RECORDING FOLDER [light|dark]`

use std::path::{Path, PathBuf};

use monitor_core::component::{BoxError, Registry};
use monitor_core::config::{ChartSettings, Config, ThemeSetting};
use monitor_core::pipeline::Builder;
use monitor_core::{Timestamp, Zone};
use monitor_viz::presets;

fn main() -> Result<(), BoxError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [recording, folder, ..] = &arguments[..] else { return Err("tell a recording and a folder".into()) };
    let mut registry = Registry::new();
    monitor_core::register(&mut registry)?;
    let path = std::path::absolute(recording)?;
    let toml = format!(
        "timezone = \"UTC\"\n[durability]\nlevel = \"L0\"\n[sources.recording]\ntype = \"file\"\npath = {path:?}\n"
    );
    let config = Config::parse(&toml, "gallery", PathBuf::new(), &registry)?;
    let pipeline = Builder::from_config(config)?.data_dir(folder).start()?;
    let store = pipeline.store().clone();
    pipeline.wait();
    let theme =
        if arguments.iter().any(|argument| argument == "dark") { ThemeSetting::Dark } else { ThemeSetting::Light };
    let settings = ChartSettings { theme, ..ChartSettings::default() };
    for preset in [presets::REFERENCE, presets::RECOMMENDED] {
        for (name, pictures) in presets::draw(&preset, &store, &settings, Timestamp::MAX, &Zone::UTC)? {
            for picture in pictures {
                let path = Path::new(folder).join(preset.name).join(&name).with_extension(picture.extension);
                std::fs::create_dir_all(path.parent().ok_or("a file is in a folder")?)?;
                std::fs::write(path, picture.bytes)?;
            }
        }
    }
    Ok(())
}
