#include "common/model/parameters.hpp"
