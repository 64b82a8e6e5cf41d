#include "cpu/support/op_case.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "cpu/support/pages.h"

namespace eddy::test {
namespace {

// The rows of state: two for each sequence, so that a state can always move.
class Rows {
 public:
  explicit Rows(const OpCase& c) : row_of_(static_cast<std::size_t>(c.shape().n_seqs), kZeroRow) {
    const OpCaseShape& shape = c.shape();
    const std::uint64_t n_bytes = row_bytes(shape.state_type, shape.n_state).value();
    rows_ = {.stride = (n_bytes + 63) / 64 * 64 + 64,
             .n_elems = shape.n_state,
             .n_rows = 2 * static_cast<std::uint32_t>(shape.n_seqs),
             .type = shape.state_type};
    buffer_ = host_buffer_type().allocate(rows_.stride * rows_.n_rows).value();
    rows_.buffer = buffer_.get();
    for (std::uint32_t row = 0; row < rows_.n_rows; ++row) fill_with_nan(row);
  }

  const StateRows& view() const { return rows_; }

  // The lane's rows for the next part of a sequence.
  void place(const Feed& feed, Lane& lane) {
    std::int32_t& row = row_of_[static_cast<std::size_t>(feed.seq)];
    lane.src = row;
    if (row == kZeroRow || feed.moves) row = row == 2 * feed.seq ? row + 1 : 2 * feed.seq;
    lane.dst = row;
  }
  void forget(const Lane& lane) {
    if (lane.src != kZeroRow && lane.src != lane.dst) {
      fill_with_nan(static_cast<std::uint32_t>(lane.src));
    }
  }

  std::vector<std::byte> bytes(int seq) const {
    std::vector<std::byte> out(row_bytes(rows_.type, rows_.n_elems).value());
    const auto row = static_cast<std::uint64_t>(row_of_[static_cast<std::size_t>(seq)]);
    buffer_->read(row * rows_.stride, out);
    return out;
  }

 private:
  void fill_with_nan(std::uint32_t row) {  // all bits set, in every element type
    const std::vector<std::byte> bytes(rows_.stride, std::byte{0xff});
    buffer_->write(row * rows_.stride, bytes);
  }

  std::unique_ptr<Buffer> buffer_;
  StateRows rows_;
  std::vector<std::int32_t> row_of_;
};

// Tokens of one call, gathered from the sequences.
class Gathered {
 public:
  Gathered(const OpCase& c, const Call& call, std::vector<int>& fed, Rows& rows, PagesOfCase& pages)
      : c_(c) {
    for (const Feed& feed : call) {
      int& pos = fed[static_cast<std::size_t>(feed.seq)];
      Lane lane = {.first_token = static_cast<std::int32_t>(tokens_.size()),
                   .n_tokens = feed.n_tokens};
      rows.place(feed, lane);
      lanes_.push_back(lane);
      kv_lanes_.push_back(pages.place(feed, pos));
      for (int i = 0; i < feed.n_tokens; ++i) tokens_.push_back({feed.seq, pos++});
    }
    const auto n_tokens = static_cast<std::int64_t>(tokens_.size());
    for (std::size_t input = 0; input < c.shape().n_inputs.size(); ++input) {
      const std::int64_t n = c.shape().n_inputs[input], stride = n + 3;
      std::vector<float>& values =
          values_.emplace_back(static_cast<std::size_t>(stride * n_tokens));
      for (std::int64_t t = 0; t < n_tokens; ++t) {
        const auto [seq, pos] = tokens_[static_cast<std::size_t>(t)];
        for (std::int64_t i = 0; i < n; ++i) {
          values[static_cast<std::size_t>(t * stride + i)] = c.value(input, seq, pos, i);
        }
      }
      call_.inputs.push_back({values.data(), n, n_tokens, stride});
    }
    out_.assign(static_cast<std::size_t>((c.shape().n_out + 5) * n_tokens), -7.0f);
    call_.out = {out_.data(), c.shape().n_out, n_tokens, c.shape().n_out + 5};
    call_.lanes = lanes_;
    call_.state = rows.view();
    call_.kv = {pages.view(), kv_lanes_};
  }
  Gathered(const Gathered&) = delete;
  Gathered& operator=(const Gathered&) = delete;

  const OpCall& call() const { return call_; }

  // Every lane continues from the row that it has written.
  void stay_in_place() {
    for (Lane& lane : lanes_) lane.src = lane.dst;
  }

  void scatter(OpResult& result, Rows& rows) const {
    const std::int64_t n = c_.shape().n_out;
    for (std::size_t t = 0; t < tokens_.size(); ++t) {
      const float* out = call_.out.token(static_cast<std::int64_t>(t));
      auto& bits = result.out[static_cast<std::size_t>(tokens_[t].seq)];
      for (std::int64_t i = 0; i < n; ++i) bits.push_back(std::bit_cast<std::uint32_t>(out[i]));
      for (std::int64_t i = n; i < n + 5; ++i) EXPECT_EQ(out[i], -7.0f) << "wrote behind a row";
    }
    for (const Lane& lane : lanes_) rows.forget(lane);
  }

 private:
  struct Place {
    int seq, pos;
  };
  const OpCase& c_;
  std::vector<Place> tokens_;
  std::vector<Lane> lanes_;
  std::vector<KvLane> kv_lanes_;
  std::vector<std::vector<float>> values_;
  std::vector<float> out_;
  OpCall call_;
};

}  // namespace

struct RepeatedCall::Data {
  explicit Data(const OpCase& op_case)
      : c(op_case),
        fed(static_cast<std::size_t>(c.shape().n_seqs)),
        rows(c),
        pages(c.shape()),
        gathered(c, all_at_once(c).front(), fed, rows, pages) {}

  const OpCase& c;
  std::vector<int> fed;
  Rows rows;
  PagesOfCase pages;
  Gathered gathered;
  bool has_state = false;
};

RepeatedCall::RepeatedCall(const OpCase& c) : data_(std::make_unique<Data>(c)) {}
RepeatedCall::~RepeatedCall() = default;

Status RepeatedCall::call(Ops& ops) {
  if (data_->has_state) data_->gathered.stay_in_place();
  data_->has_state = true;
  return data_->c.call(ops, data_->gathered.call());
}

float noise(std::uint64_t key) {
  std::uint64_t z = (key + 1) * 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return static_cast<float>((z ^ (z >> 31)) >> 40) * 0x1p-23f - 1.0f;
}

float OpCase::value(std::size_t input, int seq, int pos, std::int64_t i) const {
  const auto token = static_cast<std::uint64_t>(seq * 1000 + pos);
  return noise((token * 16 + input) * 1000003 + static_cast<std::uint64_t>(i));
}

reference::Row OpCase::row(std::size_t input, int seq, int pos) const {
  reference::Row out;
  for (std::int64_t i = 0; i < shape_.n_inputs[input]; ++i) {
    out.push_back(reference::exact(value(input, seq, pos, i)));
  }
  return out;
}

Schedule all_at_once(const OpCase& c) {
  Call call;
  for (int seq = 0; seq < c.shape().n_seqs; ++seq) call.push_back({seq, c.shape().n_tokens, false});
  return {call};
}

OpResult run(const OpCase& c, Ops& ops, const Schedule& schedule) {
  const auto n_seqs = static_cast<std::size_t>(c.shape().n_seqs);
  OpResult result = {.out = std::vector<std::vector<std::uint32_t>>(n_seqs), .state = {}, .kv = {}};
  std::vector<int> fed(n_seqs);
  Rows rows(c);
  PagesOfCase pages(c.shape());
  for (const Call& call : schedule) {
    const Gathered gathered(c, call, fed, rows, pages);
    const Status status = c.call(ops, gathered.call());
    EXPECT_TRUE(status.ok()) << status.error().message;
    gathered.scatter(result, rows);
  }
  for (int seq = 0; seq < c.shape().n_seqs; ++seq) {
    EXPECT_EQ(fed[static_cast<std::size_t>(seq)], c.shape().n_tokens);
    result.state.push_back(rows.bytes(seq));
    result.kv.push_back(pages.bytes(seq, c.shape().n_tokens));
  }
  return result;
}

}  // namespace eddy::test
