target_sources(hpart PRIVATE
  ${CMAKE_CURRENT_LIST_DIR}/predictor.c)
