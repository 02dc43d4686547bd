//! Draws the sample of every chart type, and both presets, of a recording: how the pictures of the documentation are made.
//!
//! `cargo run -p monitor-viz --example gallery -- RECORDING FOLDER`

use std::path::{Path, PathBuf};

use monitor_core::component::{BoxError, Picture, Registry};
use monitor_core::config::{ChartSettings, Config, PictureFormat};
use monitor_core::pipeline::Builder;
use monitor_core::{Timestamp, Zone};
use monitor_viz::presets;

fn main() -> Result<(), BoxError> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [recording, folder] = &arguments[..] else { return Err("tell a recording and a folder".into()) };
    let mut registry = Registry::new();
    monitor_core::register(&mut registry)?;
    monitor_viz::register(&mut registry)?;
    let path = std::path::absolute(recording)?;
    let toml = format!(
        "timezone = \"UTC\"\n[durability]\nlevel = \"L0\"\n[sources.recording]\ntype = \"file\"\npath = '{}'\n",
        path.display()
    );
    let config = Config::parse(&toml, "gallery", PathBuf::new(), &registry)?;
    let pipeline = Builder::from_config(config)?.data_dir(folder).start()?;
    let store = pipeline.store().clone();
    pipeline.wait();

    let builder = Builder::new().zone(Zone::UTC);
    for definition in registry.charts().values() {
        let config = Config::parse(definition.sample, definition.type_name, PathBuf::new(), &registry)?;
        for entry in config.charts {
            let formats = vec![PictureFormat::Png];
            let settings = ChartSettings { size: (760, 400), formats, ..entry.settings };
            let mut chart = entry.config.open(&builder.context(&entry.name), &settings)?;
            save(&Path::new(folder).join(definition.type_name), chart.draw(&store, Timestamp::MAX)?)?;
        }
    }
    for preset in [presets::REFERENCE, presets::RECOMMENDED] {
        let settings = ChartSettings::default();
        for (name, pictures) in presets::draw(&preset, &store, &settings, Timestamp::MAX, &Zone::UTC)? {
            save(&Path::new(folder).join(preset.name).join(name), pictures)?;
        }
    }
    Ok(())
}

fn save(path: &Path, pictures: Vec<Picture>) -> Result<(), BoxError> {
    std::fs::create_dir_all(path.parent().ok_or("a file is in a folder")?)?;
    for picture in pictures {
        std::fs::write(path.with_extension(picture.extension), picture.bytes)?;
    }
    Ok(())
}
