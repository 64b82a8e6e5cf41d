// eddy state show, diff, plot: norms of what each layer keeps.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/atomic_file.h"
#include "base/error.h"
#include "base/try.h"
#include "cli/session_folder.h"
#include "cli/state_commands.h"
#include "cli/svg_plot.h"
#include "engine/session_summary.h"

namespace eddy {
namespace {

// A session that was read, with what it points into.
struct Read {
  StoredState stored;
  SessionSummary session;

  const std::string& name() const { return stored.entry.state.name; }
  const StateSummary& state() const { return *session.state; }
};

Result<Read> read(StateStore& store, const std::string& name) {
  Read read;
  EDDY_TRY_ASSIGN(read.stored, get_open(store, name));
  auto session = summarise_session(read.stored.bytes);
  if (!session) return prefixed("state " + name, session.error());
  read.session = std::move(*session);
  return read;
}

// kNotFound: no token has been read, there are no layers to look at.
Result<Read> read_layers(StateStore& store, const std::string& name) {
  EDDY_TRY_ASSIGN(Read it, read(store, name));
  if (it.session.state) return it;
  return fail(ErrorCode::kNotFound, "state {}: no token has been read yet", name);
}

Status check_comparable(const Read& a, const Read& b) {
  const StateSummary& x = a.state();
  const StateSummary& y = b.state();
  const bool is_alike = x.layout == y.layout && x.types.r == y.types.r && x.types.s == y.types.s &&
                        std::ranges::equal(x.rows, y.rows, [](const auto& p, const auto& q) {
                          return p.layer == q.layer && p.kind == q.kind &&
                                 (!p.has_type() || p.elements.size() == q.elements.size());
                        });
  if (is_alike) return {};
  return fail(ErrorCode::kMismatch, "{} and {}: layers or element types differ", a.name(),
              b.name());
}

void print_layers(const StateSummary& state) {
  const bool by_chance = state.types.rounding_r == Rounding::kByChance;
  fmt::print("types   R {}{}, S {}\n\n{:>5}  kind  {:>12}  {:>12}\n", dtype_name(state.types.r),
             by_chance ? " rounded by chance" : "", dtype_name(state.types.s), "layer", "bytes",
             "norm");
  for (const StateSummary::Row& row : state.rows) {
    const std::string norm = row.has_type() ? fmt::format("{:.6g}", state_norm(row)) : "-";
    fmt::print("{:>5}  {:<4}  {:>12}  {:>12}\n", row.layer.value, state_letter(row.kind),
               row.elements.size(), norm);
  }
}

Result<ExitCode> show(const StorePlace& place, const std::string& name) {
  EDDY_TRY_ASSIGN(const auto store, open_store_to_read(place));
  EDDY_TRY_ASSIGN(const Read it, read(*store, name));
  const auto& state = it.session.state;
  fmt::print("name    {}\nmodel   {}\ntokens  {}, {} read\nbytes   {}\n", it.name(),
             identity_text(it.stored.entry.state.model), it.session.record.tokens.size(),
             state ? state->n_tokens : 0, it.stored.bytes.size());
  const Digest128& init_state = it.session.record.init_state;
  if (init_state != Digest128()) fmt::print("began   {}\n", init_state_text(init_state));
  if (state) print_layers(*state);
  return ExitCode::kOk;
}

Result<ExitCode> diff(const StorePlace& place, const std::string& one, const std::string& other) {
  EDDY_TRY_ASSIGN(const auto store, open_store_to_read(place));
  EDDY_TRY_ASSIGN(const Read a, read_layers(*store, one));
  EDDY_TRY_ASSIGN(const Read b, read_layers(*store, other));
  EDDY_TRY(check_comparable(a, b));
  fmt::print("{:>5}  kind  {:>12}  {:>12}  {:>12}  {:>9}\n", "layer", "norm", "other's",
             "difference", "relative");
  for (std::size_t i = 0; i < a.state().rows.size(); ++i) {
    const StateSummary::Row& x = a.state().rows[i];
    const StateSummary::Row& y = b.state().rows[i];
    if (!x.has_type()) continue;  // they grow with the tokens: no two need be alike
    const double norm = state_norm(x), distance = state_distance(x, y);
    fmt::print("{:>5}  {:<4}  {:>12.6g}  {:>12.6g}  {:>12.6g}  {:>9}\n", x.layer.value,
               state_letter(x.kind), norm, state_norm(y), distance,
               norm > 0 ? fmt::format("{:.2f} %", 100 * distance / norm) : "-");
  }
  return ExitCode::kOk;
}

PlotSeries norms(const Read& it, StateKind kind) {
  PlotSeries series = {.label = it.name(), .points = {}};
  for (const StateSummary::Row& row : it.state().rows) {
    if (row.kind == kind) series.points.emplace_back(row.layer.value, state_norm(row));
  }
  return series;
}

PlotSeries distances(const Read& a, const Read& b, StateKind kind) {
  PlotSeries series = {.label = "difference", .points = {}};
  for (std::size_t i = 0; i < a.state().rows.size(); ++i) {
    const StateSummary::Row& row = a.state().rows[i];
    if (row.kind != kind) continue;
    series.points.emplace_back(row.layer.value, state_distance(row, b.state().rows[i]));
  }
  return series;
}

// With an empty `other` the norms of one; else of both and of their difference.
Result<ExitCode> plot(const StorePlace& place, const std::string& one, const std::string& other,
                      const std::string& file) {
  EDDY_TRY_ASSIGN(const auto store, open_store_to_read(place));
  std::vector<Read> reads;
  EDDY_TRY_ASSIGN(reads.emplace_back(), read_layers(*store, one));
  if (!other.empty()) {
    EDDY_TRY_ASSIGN(reads.emplace_back(), read_layers(*store, other));
    EDDY_TRY(check_comparable(reads[0], reads[1]));
  }
  std::vector<PlotPanel> panels;
  for (const StateKind kind : {StateKind::kR, StateKind::kS}) {
    PlotPanel panel = {
        .title = fmt::format("Norm of {}", state_letter(kind)), .x_label = "layer", .series = {}};
    for (const Read& it : reads) panel.series.push_back(norms(it, kind));
    if (reads.size() == 2) panel.series.push_back(distances(reads[0], reads[1], kind));
    if (!panel.series[0].points.empty()) panels.push_back(std::move(panel));
  }
  const std::string svg = svg_plot(panels);
  EDDY_TRY(atomic_write_file(posix_file_system(), file, std::as_bytes(std::span(svg))));
  return ExitCode::kOk;
}

StateCommand add_show(CLI::App& state) {
  CLI::App* app = state.add_subcommand("show", "Show what one is, and the norms of its layers");
  const auto name = std::make_shared<std::string>();
  app->add_option("NAME", *name, "what to show")->required()->type_name("");
  return {app, [name](const StorePlace& place) { return show(place, *name); }};
}

StateCommand add_diff(CLI::App& state) {
  CLI::App* app = state.add_subcommand("diff", "Show by how much two differ in each layer");
  const auto names = std::make_shared<std::pair<std::string, std::string>>();
  app->add_option("NAME", names->first, "one")->required()->type_name("");
  app->add_option("OTHER", names->second, "the other")->required()->type_name("");
  return {app,
          [names](const StorePlace& place) { return diff(place, names->first, names->second); }};
}

StateCommand add_plot(CLI::App& state) {
  CLI::App* app =
      state.add_subcommand("plot", "Draw the norms of one, or of two and their difference");
  struct Options {
    std::string name, other, file;
  };
  const auto options = std::make_shared<Options>();
  app->add_option("NAME", options->name, "one")->required()->type_name("");
  app->add_option("OTHER", options->other, "the other")->type_name("");
  app->add_option("--out", options->file, "the SVG file")->required()->type_name("FILE");
  return {app, [options](const StorePlace& place) {
            return plot(place, options->name, options->other, options->file);
          }};
}

}  // namespace

std::vector<StateCommand> add_state_looking(CLI::App& state) {
  return {add_show(state), add_diff(state), add_plot(state)};
}

}  // namespace eddy
