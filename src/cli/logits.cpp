// eddy logits: the logits after every token of a list, as raw numbers, for comparisons.
#include <bit>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "base/error.h"
#include "base/try.h"
#include "cli/command.h"
#include "cli/console.h"
#include "cli/input.h"
#include "cli/model_options.h"

namespace eddy {
namespace {

static_assert(std::endian::native == std::endian::little, "the output is little-endian");

struct Options {
  ModelOptions model;
  std::string tokens;
  std::string out;
};

// A file that is removed again unless it was written whole.
class OutputFile {
 public:
  explicit OutputFile(std::string path)
      : path_(std::move(path)), file_(path_ == "-" ? stdout : std::fopen(path_.c_str(), "wb")) {}
  ~OutputFile() {
    if (file_ == nullptr || file_ == stdout) return;
    std::fclose(file_);
    std::remove(path_.c_str());
  }
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  bool write(std::span<const float> numbers) {
    return file_ != nullptr &&
           std::fwrite(numbers.data(), sizeof(float), numbers.size(), file_) == numbers.size();
  }
  Error error() const { return fail(ErrorCode::kIo, "{}: {}", path_, std::strerror(errno)); }
  Status close() {
    if (file_ == nullptr) return error();
    const bool is_whole = (file_ == stdout ? std::fflush(file_) : std::fclose(file_)) == 0;
    file_ = nullptr;
    return is_whole ? Status() : error();
  }
  bool is_open() const { return file_ != nullptr; }

 private:
  std::string path_;
  std::FILE* file_;
};

Result<ExitCode> run(const Options& options) {
  EDDY_TRY_ASSIGN(const std::string text, read_all(options.tokens));
  EDDY_TRY_ASSIGN(const auto tokens, parse_tokens(text, options.tokens));
  if (tokens.empty()) return fail(ErrorCode::kMalformed, "{}: no token ids", options.tokens);
  EDDY_TRY_ASSIGN(Engine engine, open_engine(options.model));
  OutputFile out(options.out);
  if (!out.is_open()) return out.error();
  ProgressBar bar("computing");
  bool is_written = true;
  const Status done = engine.evaluate(tokens, [&](Pos pos, std::span<const float> logits) {
    bar.update(static_cast<double>(pos + 1) / static_cast<double>(tokens.size()));
    return is_written = out.write(logits);
  });
  if (!is_written) return out.error();
  EDDY_TRY(done);
  EDDY_TRY(out.close());
  return ExitCode::kOk;
}

}  // namespace

Command add_logits(CLI::App& program) {
  CLI::App* app = program.add_subcommand("logits", "Write the logits after every token of a list");
  const auto options = std::make_shared<Options>();
  add_model_options(*app, options->model);
  add_threads_option(*app, options->model.engine);
  app->add_option("--tokens", options->tokens,
                  "file of token ids, separated by white space or commas; - is standard input")
      ->required()
      ->type_name("FILE");
  app->add_option("--out", options->out,
                  "file for the logits: float32, little-endian, {n_vocab, n_tokens}; - is standard "
                  "output")
      ->required()
      ->type_name("FILE");
  app->footer(
      "Example:\n"
      "  eddy tokenize model.gguf -p \"a text\" > ids.txt\n"
      "  eddy logits model.gguf --tokens ids.txt --out logits.f32");
  return {.app = app, .run = [options] { return run(*options); }};
}

}  // namespace eddy
