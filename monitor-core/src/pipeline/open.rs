//! Opening what a configuration names: at the start, and when it is reloaded.

use super::builder::{NewSink, SinkOptions, StartError};
use super::engine::HostedChart;
use super::sink_worker::Reopen;
use crate::Text;
use crate::alerting::RuleHost;
use crate::component::{BoxError, ChartConfig, ComponentKind, Context, RuleConfig, SinkConfig, Source, SourceConfig};
use crate::config::{ChartSettings, Entry, RuleSettings, SinkSettings, SourceSettings};

pub(super) fn source(
    entry: &Entry<dyn SourceConfig, SourceSettings>,
    base: &Context,
) -> Result<Box<dyn Source>, StartError> {
    let context = Context { name: entry.name.clone(), ..base.clone() };
    entry.config.open(&context).map_err(failed(ComponentKind::Source, &entry.name))
}

pub(super) fn sink(entry: Entry<dyn SinkConfig, SinkSettings>, base: &Context) -> Result<NewSink, StartError> {
    let natural = entry.config.contents().first().copied().unwrap_or_default();
    let mut options = SinkOptions::from(&entry.settings);
    options.content = entry.settings.content.unwrap_or(natural);
    if entry.settings.accept.is_none() {
        options.filter.accept = entry.config.accepts();
    }
    let context =
        Context { name: entry.name.clone(), content: options.content, accept: options.filter.accept, ..base.clone() };
    let resources = entry.config.resources(&base.dirs);
    let sink = match entry.config.open(&context) {
        Ok(sink) => Some(sink),
        Err(error) if !options.required => {
            tracing::warn!(sink = %entry.name, "failed to open, it is tried again when there is something to write: {error}");
            None
        }
        Err(error) => return Err(failed(ComponentKind::Sink, &entry.name)(error)),
    };
    let config = entry.config;
    let reopen: Reopen = Some(Box::new(move || config.open(&context)));
    Ok(NewSink { name: entry.name, sink, reopen, options, resources })
}

pub(super) fn rule(entry: Entry<dyn RuleConfig, RuleSettings>, base: &Context) -> Result<RuleHost, StartError> {
    let context = Context { name: entry.name.clone(), by: entry.settings.by.clone(), ..base.clone() };
    let rule = entry.config.open(&context).map_err(failed(ComponentKind::Rule, &entry.name))?;
    let reach = entry.config.reach();
    Ok(RuleHost::new(entry.name, rule, entry.settings).reaching(reach))
}

pub(super) fn chart(entry: &Entry<dyn ChartConfig, ChartSettings>, base: &Context) -> Result<HostedChart, StartError> {
    let context = Context { name: entry.name.clone(), ..base.clone() };
    let chart = entry.config.open(&context, &entry.settings).map_err(failed(ComponentKind::Chart, &entry.name))?;
    Ok(HostedChart::new(entry.name.clone(), chart, entry.settings.every.as_ref().map(|every| every.0)))
}

fn failed(kind: ComponentKind, name: &Text) -> impl FnOnce(BoxError) -> StartError {
    move |error| StartError::Open { kind, name: name.clone(), error }
}
