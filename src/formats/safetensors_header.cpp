#include "formats/safetensors_header.h"

#include <fmt/format.h>

#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "formats/gguf_value.h"

namespace eddy {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMaxTensors = 65536;
constexpr std::size_t kMaxNameBytes = 1024;
constexpr std::size_t kMaxDims = 8;
constexpr std::uint64_t kMaxExtent = std::numeric_limits<std::int64_t>::max();

// Takes the parser's events; the first that the format does not have ends it. Where it stands in
// the header is a place; each event leads from a place to the next one.
class HeaderEvents final : public nlohmann::json_sax<Json> {
 public:
  Result<std::vector<SafeEntry>> take() {
    if (error_) return *std::move(error_);
    return std::move(entries_);
  }

  bool start_object(std::size_t) override {
    switch (place_) {
      case Place::kStart: return go(Place::kTop);
      case Place::kTopValue: return go(is_metadata_ ? Place::kMetadata : Place::kTensor);
      default: return unexpected("an object");
    }
  }

  bool key(std::string& name) override {
    switch (place_) {
      case Place::kTop: return top_key(name);
      case Place::kTensor: return field(name);
      default: return go(Place::kMetadataValue);
    }
  }

  bool end_object() override {
    if (place_ == Place::kTensor && n_fields_ != 3) {
      return wrong("{} of dtype, shape and data_offsets, expected all three", n_fields_);
    }
    return go(place_ == Place::kTop ? Place::kEnd : Place::kTop);
  }

  bool start_array(std::size_t) override {
    n_numbers_ = 0;
    switch (place_) {
      case Place::kShape: return go(Place::kExtents);
      case Place::kOffsets: return go(Place::kOffsetNumbers);
      default: return unexpected("an array");
    }
  }

  bool end_array() override {
    if (place_ == Place::kOffsetNumbers && n_numbers_ != 2) {
      return wrong("data_offsets: {} numbers, expected 2", n_numbers_);
    }
    return go(Place::kTensor);
  }

  bool number_unsigned(number_unsigned_t number) override {
    switch (place_) {
      case Place::kExtents: return extent(number);
      case Place::kOffsetNumbers: return offset(number);
      default: return unexpected("a number");
    }
  }

  bool string(string_t& text) override {
    if (place_ == Place::kMetadataValue) return go(Place::kMetadata);
    if (place_ != Place::kType) return unexpected("a text");
    entries_.back().type = find_safe_type(text);
    if (entries_.back().type) return go(Place::kTensor);
    error_ = fail(ErrorCode::kUnsupported, "{}: dtype \"{}\" is not known",
                  printable(entries_.back().name), printable(text));
    return false;
  }

  bool null() override { return unexpected("null"); }
  bool boolean(bool) override { return unexpected("a bool"); }
  bool number_integer(number_integer_t) override { return unexpected("a number below 0"); }
  bool number_float(number_float_t, const string_t&) override {
    return unexpected("a number that is no integer");
  }
  bool binary(binary_t&) override { return unexpected("binary data"); }

  bool parse_error(std::size_t position, const std::string&, const Json::exception&) override {
    error_ = fail(ErrorCode::kMalformed, "header: no JSON at byte {}", position);
    return false;
  }

 private:
  enum class Place {
    kStart,
    kTop,       // between the entries
    kTopValue,  // after a tensor's name, or __metadata__
    kMetadata,
    kMetadataValue,
    kTensor,  // between its fields
    kType,
    kShape,
    kExtents,
    kOffsets,
    kOffsetNumbers,
    kEnd,
  };

  bool go(Place place) {
    place_ = place;
    return true;
  }

  template <class... Args>
  bool wrong(fmt::format_string<Args...> format, Args&&... args) {
    std::string where = is_metadata_ ? "__metadata__" : "header";
    if (!is_metadata_ && !entries_.empty()) where = printable(entries_.back().name);
    error_ = fail(ErrorCode::kMalformed, "{}: {}", where,
                  fmt::format(format, std::forward<Args>(args)...));
    return false;
  }

  bool unexpected(const char* found) {
    switch (place_) {
      case Place::kStart: return wrong("{}, expected an object", found);
      case Place::kTopValue: return wrong("{}, expected an object", found);
      case Place::kMetadataValue: return wrong("{}, expected a text", found);
      case Place::kType: return wrong("dtype: {}, expected a text", found);
      case Place::kShape: return wrong("shape: {}, expected an array", found);
      case Place::kExtents: return wrong("shape: {}, expected numbers from 0 on", found);
      case Place::kOffsets: return wrong("data_offsets: {}, expected an array", found);
      default: return wrong("data_offsets: {}, expected numbers from 0 on", found);
    }
  }

  bool top_key(const std::string& name) {
    const bool is_new = names_.insert(name).second;
    is_metadata_ = name == "__metadata__";
    if (!is_metadata_) entries_.push_back({.name = name});
    if (!is_new) return wrong("there twice, expected once");
    n_fields_ = 0;
    has_type_ = has_shape_ = has_offsets_ = false;
    if (name.empty()) return wrong("a tensor without a name");
    if (name.size() > kMaxNameBytes) {
      return wrong("a name of {} bytes, expected at most {}", name.size(), kMaxNameBytes);
    }
    if (entries_.size() > kMaxTensors) return wrong("more than {} tensors", kMaxTensors);
    return go(Place::kTopValue);
  }

  bool field(const std::string& name) {
    if (name == "dtype") return begin(name, has_type_, Place::kType);
    if (name == "shape") return begin(name, has_shape_, Place::kShape);
    if (name == "data_offsets") return begin(name, has_offsets_, Place::kOffsets);
    return wrong("\"{}\", expected dtype, shape or data_offsets", printable(name));
  }

  bool begin(const std::string& name, bool& is_there, Place place) {
    if (is_there) return wrong("{} there twice, expected once", name);
    is_there = true;
    ++n_fields_;
    return go(place);
  }

  bool extent(std::uint64_t number) {
    std::vector<std::int64_t>& shape = entries_.back().shape;
    if (number > kMaxExtent) return wrong("shape: extent {}, expected below 2^63", number);
    if (shape.size() == kMaxDims) return wrong("shape: more than {} extents", kMaxDims);
    shape.push_back(static_cast<std::int64_t>(number));
    return true;
  }

  bool offset(std::uint64_t number) {
    if (n_numbers_ < 2) entries_.back().offsets[n_numbers_] = number;
    return ++n_numbers_ <= 2 || wrong("data_offsets: more than 2 numbers, expected 2");
  }

  Place place_ = Place::kStart;
  bool is_metadata_ = false;
  bool has_type_ = false, has_shape_ = false, has_offsets_ = false;
  int n_fields_ = 0;           // of the tensor
  std::size_t n_numbers_ = 0;  // of data_offsets
  std::vector<SafeEntry> entries_;
  std::unordered_set<std::string> names_;
  std::optional<Error> error_;
};

}  // namespace

Result<std::vector<SafeEntry>> read_safetensors_header(std::string_view json) {
  HeaderEvents events;
  Json::sax_parse(json.begin(), json.end(), &events);
  return events.take();
}

}  // namespace eddy
