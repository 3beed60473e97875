#include "common/federation/spec_views.hpp"

namespace genesis::federation {

wire::Quantization quantization(spec::Quantization quantization) {
  switch (quantization) {
    case spec::Quantization::kNone:
      return wire::Quantization::kNone;
    case spec::Quantization::kFp16:
      return wire::Quantization::kFp16;
    case spec::Quantization::kInt8:
      return wire::Quantization::kInt8;
  }
  return wire::Quantization::kNone;
}

std::string_view content_encoding(spec::Compression compression) {
  switch (compression) {
    case spec::Compression::kNone:
      return "";
    case spec::Compression::kGzip:
      return "gzip";
    case spec::Compression::kZstd:
      return "zstd";
  }
  return "";
}

}  // namespace genesis::federation
