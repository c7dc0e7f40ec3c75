// fastlabel/cut.h: arguments checked, then the work, then a status.
#include "fastlabel/fastlabel.h"
