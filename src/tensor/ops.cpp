#include "tensor/ops.h"

namespace eddy {
namespace {

// Kernels work on sixteen channels at a time; a row has room for whole sixteens.
std::uint64_t whole_sixteens(std::int64_t n) {
  return (static_cast<std::uint64_t>(n) + 15) / 16 * 16;
}

std::uint64_t elems(std::int64_t n) { return static_cast<std::uint64_t>(n); }

}  // namespace

std::uint64_t short_conv_state_elems(std::int64_t n_channels, std::int64_t d_conv) {
  return static_cast<std::uint64_t>(n_channels) * static_cast<std::uint64_t>(d_conv - 1);
}

std::uint64_t selective_scan_state_elems(std::int64_t d_inner, std::int64_t d_state) {
  return whole_sixteens(d_inner) * static_cast<std::uint64_t>(d_state);
}

std::uint64_t ssd_scan_state_elems(std::int64_t n_head, std::int64_t head_dim,
                                   std::int64_t d_state) {
  return static_cast<std::uint64_t>(n_head) * selective_scan_state_elems(head_dim, d_state);
}

std::uint64_t wkv_state_elems(std::int64_t n_head, std::int64_t head_size) {
  return ssd_scan_state_elems(n_head, head_size, head_size);
}

std::uint64_t wkv_state_index(std::int64_t head_size, std::int64_t i, std::int64_t j) {
  return whole_sixteens(head_size) * elems(j) + elems(i);
}

std::uint64_t short_conv_log_elems(std::int64_t n_channels) { return elems(n_channels); }

std::uint64_t selective_scan_log_elems(std::int64_t d_inner, std::int64_t d_state) {
  return elems(2 * d_inner + d_state);
}

std::uint64_t ssd_scan_log_elems(std::int64_t n_head, std::int64_t head_dim, std::int64_t n_group,
                                 std::int64_t d_state) {
  return elems(n_head + n_head * head_dim + n_group * d_state);
}

std::uint64_t wkv6_log_elems(std::int64_t n_head, std::int64_t n_head_kv, std::int64_t head_size) {
  return elems((2 * n_head + n_head_kv) * head_size);
}

std::uint64_t wkv7_log_elems(std::int64_t n_head, std::int64_t head_size) {
  return elems(5 * n_head * head_size);
}

}  // namespace eddy
