#include "memory/state_tensors.h"

#include <gtest/gtest.h>

#include <limits>

#include "support/memory_fixture.h"

namespace eddy::test {
namespace {

class StateTensorsTest : public ::testing::Test {
 protected:
  Result<StateTensors> create() {
    return StateTensors::create({.layout = layout,
                                 .layer_devices = devices,
                                 .type_r = type_r,
                                 .type_s = type_s,
                                 .offload = offload,
                                 .mem_size = mem_size,
                                 .filter = filter});
  }

  TestDevice far{"far", false, 256};
  TestDevice near{"near", true};
  StateLayout layout{.layers = {{.r_elems = 5, .s_elems = 3}, {.r_elems = 7, .s_elems = 0}, {}}};
  std::vector<const Device*> devices{&far, &near, &far};
  DType type_r = DType::kF32;
  DType type_s = DType::kF16;
  bool offload = true;
  std::uint32_t mem_size = 4;
  std::function<bool(LayerId)> filter;
};

TEST_F(StateTensorsTest, GroupsRowsByBufferType) {
  devices = {&far, &near, &far};
  layout.layers[2] = {.r_elems = 1, .s_elems = 1};
  auto tensors = create();
  ASSERT_TRUE(tensors.ok());
  ASSERT_EQ(tensors->buffers().size(), 2u);
  EXPECT_EQ(far.type.counts.n_allocated, 1);
  EXPECT_EQ(near.type.counts.n_allocated, 1);
  EXPECT_EQ(&tensors->r(LayerId(0)).buffer->type(), &far.type);
  EXPECT_EQ(&tensors->r(LayerId(1)).buffer->type(), &near.type);
  EXPECT_EQ(tensors->r(LayerId(0)).buffer, tensors->s(LayerId(2)).buffer);
}

TEST_F(StateTensorsTest, OffloadFalseKeepsEverythingOnTheHost) {
  offload = false;
  auto tensors = create();
  ASSERT_TRUE(tensors.ok());
  ASSERT_EQ(tensors->buffers().size(), 1u);
  EXPECT_EQ(&tensors->buffers()[0]->type(), &host_buffer_type());
  EXPECT_NE(tensors->r(LayerId(0)).host_row(0), nullptr);
}

TEST_F(StateTensorsTest, TheHostCannotAddressADevicesRows) {
  auto tensors = create();
  ASSERT_TRUE(tensors.ok());
  EXPECT_EQ(tensors->r(LayerId(0)).host_row(0), nullptr);
  EXPECT_NE(tensors->r(LayerId(1)).host_row(0), nullptr);
}

TEST_F(StateTensorsTest, RowsHaveTheirExtentsAlignedAndApart) {
  auto made = create();
  ASSERT_TRUE(made.ok());
  ASSERT_EQ(made->all().size(), 3u);
  const StateTensor& r0 = made->all()[0];
  const StateTensor& s0 = made->all()[1];
  EXPECT_EQ(r0.row_bytes, 20u);
  EXPECT_EQ(s0.row_bytes, 6u);
  EXPECT_EQ(r0.rows.stride % 64, 0u);
  EXPECT_EQ(r0.rows.n_rows, mem_size);
  EXPECT_EQ(s0.rows.type, DType::kF16);
  EXPECT_EQ(s0.rows.offset % far.type.alignment(), 0u);
  EXPECT_GE(s0.rows.offset, r0.rows.offset + r0.rows.stride * mem_size);
  EXPECT_GE(s0.rows.buffer->n_bytes(), s0.rows.offset + s0.rows.stride * mem_size);
  EXPECT_EQ(made->s(LayerId(1)).n_elems, 0u);
  EXPECT_EQ(made->r(LayerId(2)).buffer, nullptr);
  EXPECT_EQ(made->r(LayerId(99)).buffer, nullptr);
  EXPECT_EQ(made->r(LayerId(-1)).buffer, nullptr);
}

TEST_F(StateTensorsTest, FilterChoosesLayers) {
  filter = [](LayerId il) { return il == LayerId(1); };
  auto tensors = create();
  ASSERT_TRUE(tensors.ok());
  EXPECT_EQ(tensors->r(LayerId(0)).n_elems, 0u);
  EXPECT_EQ(tensors->r(LayerId(1)).n_elems, 7u);
  EXPECT_EQ(tensors->all().size(), 1u);
}

TEST_F(StateTensorsTest, WipesOneCellAlone) {
  auto tensors = create();
  ASSERT_TRUE(tensors.ok());
  const StateTensor& r = tensors->all()[0];
  const std::vector<std::byte> marker(r.row_bytes, std::byte{0x5A});
  for (int i = 0; i < 4; ++i) tensors->write(r, CellId(i), marker);
  tensors->wipe(CellId(2));
  for (int i = 0; i < 4; ++i) {
    std::vector<std::byte> row(r.row_bytes);
    tensors->read(r, CellId(i), row);
    EXPECT_EQ(row, i == 2 ? std::vector<std::byte>(r.row_bytes) : marker) << i;
  }
}

TEST_F(StateTensorsTest, RefusesWhatCannotBe) {
  type_r = DType::kQ8_0;
  EXPECT_CODE(create(), kInvalidArgument);
  type_r = DType::kF32;
  devices.pop_back();
  EXPECT_CODE(create(), kInvalidArgument);
  devices.push_back(nullptr);
  EXPECT_CODE(create(), kInvalidArgument);
  devices.back() = &far;
  far.type.refuses = true;
  EXPECT_CODE(create(), kOutOfMemory);
}

// D8: sizes are multiplied in 64 bits and checked.
TEST_F(StateTensorsTest, RefusesSizesThatOverflow) {
  for (const std::uint64_t elems :
       {std::numeric_limits<std::uint64_t>::max(), std::numeric_limits<std::uint64_t>::max() / 4,
        std::numeric_limits<std::uint64_t>::max() / 4 - 15,
        std::numeric_limits<std::uint64_t>::max() / 16 + 1}) {
    layout.layers[0].r_elems = elems;
    EXPECT_CODE(create(), kInvalidArgument);
  }
  layout.layers[0].r_elems = std::uint64_t{1} << 40;  // fits into 64 bits, not into a machine
  EXPECT_CODE(create(), kOutOfMemory);
}

}  // namespace
}  // namespace eddy::test
